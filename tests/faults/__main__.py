"""`python -m tests.faults`: the matrix of faults and moments as one table; 1 where anything was doubled or lost."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.moments import MOMENTS
from tests.faults.stand import Stand
from tests.faults.strikes import ALONE, IN_COPIES, STRIKES
from tests.faults.verdict import Verdict, judge
from tests.lab.folders import RunFolder
from tests.lab.lab import Lab
from tests.lab.postgresql import PostgreSQL
from tests.lab.processes import Servers

BROKEN = Verdict(0, 0, 1, 0.0)
"""A cell that could not be played to its end: nobody can say that nothing is stuck."""


def main(arguments: list[str]) -> int:
    """Play the chosen cells, all without a choice."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--fault", action="append", choices=STRIKES, help="this fault alone; may be repeated")
    parser.add_argument("--moment", action="append", choices=MOMENTS, help="this moment alone; may be repeated")
    chosen = parser.parse_args(arguments)
    folder = RunFolder()
    lab = Lab(say=_say)
    try:
        with _database(folder, "postgresql") as postgresql:
            rows = {
                fault: [_cell(lab, folder, postgresql, fault, moment) for moment in chosen.moment or MOMENTS]
                for fault in chosen.fault or STRIKES
            }
    finally:
        lab.stop()
        folder.remove(keep_logs=False)
    print(table(rows, chosen.moment or list(MOMENTS)))
    return int(not all(cell.holds for row in rows.values() for cell in row))


def table(rows: dict[str, list[Verdict]], moments: list[str]) -> str:
    """One row a fault, one column a moment: doubled, lost and stuck, then the seconds from the fault's end to the
    incident's.
    """
    width = max(len(one) for one in rows) + 2
    lines = ["".join([f"{'doubled/lost/stuck':{width}}", *(f"{moment:>20}" for moment in moments)])]
    for fault, row in rows.items():
        lines.append("".join([f"{fault:{width}}", *(f"{said(one):>20}" for one in row)]))
    every = [cell for row in rows.values() for cell in row]
    total = (f"{name} {sum(getattr(cell, name) for cell in every)}" for name in ("doubled", "lost", "stuck"))
    return "\n".join([*lines, f"{len(every)} cells: effects {', '.join(total)}"])


def said(cell: Verdict) -> str:
    """One cell for people."""
    return f"{cell.doubled}/{cell.lost}/{cell.stuck} {cell.seconds:6.1f} s"


def _cell(lab: Lab, folder: RunFolder, shared: PostgreSQL, fault: str, moment: str) -> Verdict:
    """One fault at one moment."""
    with _journals(folder, shared, fault) as (postgresql, standby), Stand(lab, postgresql, standby) as stand:
        try:
            verdict = _play(stand, fault, MOMENTS[moment])
        except Exception as error:  # the other cells are played all the same
            _say(f"{fault}, {moment}: {type(error).__name__}: {error}")
            verdict = BROKEN
        if not verdict.holds:
            _keep(stand, folder)
    _say(f"{fault}, {moment}: {said(verdict)}")
    return verdict


def _play(stand: Stand, fault: str, reach: Callable[[Stand], None]) -> Verdict:
    reach(stand)
    with STRIKES[fault](stand):
        pass
    ended = time.monotonic()
    stand.let_go()
    closed = stand.closed()
    seconds = time.monotonic() - ended
    stand.one.verify()
    return judge(stand.writes(), stand.wanted, closed, seconds)


@contextmanager
def _journals(
    folder: RunFolder, shared: PostgreSQL, fault: str
) -> Iterator[tuple[PostgreSQL | None, PostgreSQL | None]]:
    """The database of a cell and its standby, as far as the fault wants them."""
    if fault in ALONE:
        yield None, None
    elif fault not in IN_COPIES:
        yield shared, None
    else:
        number = len(list(folder.data.iterdir()))
        primary_name, standby_name = f"primary-{number}", f"standby-{number}"
        with _database(folder, primary_name) as primary, _database(folder, standby_name, primary) as standby:
            primary.wait_for_standby()
            yield primary, standby


@contextmanager
def _database(folder: RunFolder, name: str, copy_of: PostgreSQL | None = None) -> Iterator[PostgreSQL]:
    servers = Servers(folder.logs)
    server = PostgreSQL(folder.data / name, servers, _say, copy_of)
    try:
        yield server
    finally:
        server.stop()
        servers.stop()


def _keep(stand: Stand, folder: RunFolder) -> None:
    """What the replicas said, where a person finds it."""
    for replica in stand.replicas:
        path = Path(f"{folder.path}-{stand.namespace}-{replica.folder.name}.log")
        path.write_text(replica.log)
        _say(f"what replica {replica.folder.name} said: {path}")


def _say(line: str) -> None:
    print(f"faults: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
