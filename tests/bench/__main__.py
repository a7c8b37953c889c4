"""`python -m tests.bench [latency] [intake] [start]`: one table of what was measured, with the goals."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from tests.bench import intake, latency, start
from tests.bench.table import Row, render
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.progress import Say

BENCHES: dict[str, Callable[[Lab, Say], list[Row]]] = {
    "latency": latency.measure,
    "intake": intake.measure,
    "start": start.measure,
}


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, all without a name; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    names = parser.parse_args(arguments).names or list(BENCHES)
    if unknown := set(names) - set(BENCHES):
        parser.error(f"no benchmark is named {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    try:
        rows = _run(names)
    except (LabError, RuntimeError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; all that was started has been ended", file=sys.stderr)
        return 130
    print(f"\n{_machine()}\n\n{render(rows)}")
    return int(any(row.met is False for row in rows))


def _run(names: list[str]) -> list[Row]:
    lab = Lab(say=_say)
    failed = True
    try:
        rows = [row for name in names for row in BENCHES[name](lab, _say)]
        failed = False
        return rows
    finally:
        lab.stop(keep_logs=failed)


def _say(line: str) -> None:
    print(f"bench: {line}", flush=True)


def _machine() -> str:
    """What it was measured on."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    cores, load = os.cpu_count(), os.getloadavg()[0]
    return f"{now}, {cores} cores, load {load:.1f} at the end, Python {platform.python_version()}, {platform.system()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
