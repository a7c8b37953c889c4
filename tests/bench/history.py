"""`history`: a journal with a million closed incidents and ten thousand open ones: start, decisions, memory.

The journal is made beforehand; what is measured runs in a process of its own, pinned to one core.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.bench.figures import quantile, spread
from tests.bench.fold import Found
from tests.bench.past import Written, write
from tests.bench.process import pin
from tests.bench.table import Row, at_most, between, said
from tests.lab.progress import Say

CLOSED, OPENED, BEHIND = 1_000_000, 10_000, 10_000
"""Incidents, and the records that a start has to fold beside the checkpoint: as many as lie behind one at most."""
DECISIONS = 1000
ROUNDS = 3
START_SECONDS = 2.0
"""The goal: from an opened journal to the state."""


def measure(folder: Path, say: Say) -> list[Row]:
    """Run it; two minutes, most of it the writing of the journal."""
    written = write(folder / "history.db", CLOSED, OPENED, BEHIND, say)
    rounds = []
    for number in range(ROUNDS):
        rounds.append(_one(written.path))
        say(
            f"history: round {number + 1} of {ROUNDS}: state of {rounds[-1].incidents:,} in {rounds[-1].restored:.2f} s"
        )
    return _rows(written, rounds)


def _one(path: Path) -> Found:
    """One start in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.fold", str(path), str(DECISIONS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        pin(process.pid, {max(os.sched_getaffinity(0))})
        answer, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"history: {' '.join(command)} ended with {process.returncode}")
    return msgspec.json.decode(answer, type=Found)


def _rows(written: Written, rounds: list[Found]) -> list[Row]:
    starts, cores = [each.restored for each in rounds], [each.restored_cpu for each in rounds]
    looked = [one for each in rounds for one in each.looked]
    arrived = [one for each in rounds for one in each.arrived]
    rates = [1e6 * len(each.looked) / sum(each.looked) for each in rounds]
    folded = [each.folded_a_second for each in rounds]
    grown = [each.after - each.before for each in rounds]
    size = written.path.stat().st_size / (1 << 20)
    behind = f"{written.behind:,} records behind the checkpoint"
    return [
        Row("history", "incidents closed, open", f"{written.closed:,}, {written.opened:,}"),
        Row("history", "records, size of the journal", f"{written.seq:,}, {said(size, 'MiB')}"),
        at_most("history", f"state at start, {behind}", spread(starts).median, START_SECONDS, "s", _range(starts, "s")),
        Row("history", "of that on a core", said(spread(cores).median, "s"), _range(cores, "s")),
        Row("history", "records read and folded, one core", said(spread(folded).median, "/s"), _range(folded, "/s")),
        Row("history", "memory of that state", said(spread(grown).median, "MiB"), _range(grown, "MiB")),
        Row(
            "history",
            "decisions with every guard asked, one core",
            said(spread(rates).median, "/s"),
            _range(rates, "/s"),
        ),
        Row("history", "one of them, p50", said(quantile(looked, 0.5) / 1000, "ms")),
        Row("history", "one of them, p99", said(quantile(looked, 0.99) / 1000, "ms")),
        Row("history", "an alert that opens an incident, p50", said(quantile(arrived, 0.5) / 1000, "ms")),
    ]


def _range(values: list[float], unit: str) -> str:
    seen = spread(values)
    return between(seen.least, seen.greatest, unit)
