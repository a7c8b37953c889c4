"""`python -m tests.bench [NAME…]`: one table of what was measured, with the goals."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import (
    appends,
    cache,
    checks,
    failover,
    history,
    incident,
    intake,
    journals,
    large_group,
    latency,
    memory,
    queries,
    simulated,
    start,
)
from tests.bench.table import Row, render
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.progress import Say

ON_SERVERS: dict[str, Callable[[Lab, Say], list[Row]]] = {
    "latency": latency.measure,
    "start": start.measure,
    "large-group": large_group.measure,
    "queries": queries.measure,
    "appends": appends.measure,
    "journals": journals.measure,
    "failover": failover.measure,
}
BY_NAME_ONLY = frozenset({"failover", "memory"})
"""What takes as long as all the others together."""
ALONE: dict[str, Callable[[Path, Say], list[Row]]] = {
    "incident": incident.measure,
    "intake": intake.measure,
    "history": history.measure,
    "cache": cache.measure,
    "check": checks.measure,
    "simulated": simulated.measure,
    "memory": memory.measure,
}
"""What needs no servers, but a folder."""
BENCHES = (*ON_SERVERS, *ALONE)


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, all without a name; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    names = parser.parse_args(arguments).names or [name for name in BENCHES if name not in BY_NAME_ONLY]
    if unknown := set(names) - set(BENCHES):
        parser.error(f"no benchmark is named {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    begun, load = time.monotonic(), os.getloadavg()[0]
    try:
        rows = _run(names)
    except (LabError, RuntimeError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; all that was started has been ended", file=sys.stderr)
        return 130
    print(f"\n{_machine(load, time.monotonic() - begun)}\n\n{render(rows)}")
    return int(any(row.met is False for row in rows))


def _run(names: list[str]) -> list[Row]:
    on_servers = [ON_SERVERS[name] for name in names if name in ON_SERVERS]
    rows = _on_servers(on_servers) if on_servers else []
    for name in (name for name in names if name in ALONE):
        with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
            rows += ALONE[name](Path(folder), _say)
    return rows


def _on_servers(benches: list[Callable[[Lab, Say], list[Row]]]) -> list[Row]:
    lab = Lab(say=_say)
    failed = True
    try:
        rows = [row for bench in benches for row in bench(lab, _say)]
        failed = False
        return rows
    finally:
        lab.stop(keep_logs=failed)


def _say(line: str) -> None:
    print(f"bench: {line}", flush=True)


def _machine(before: float, took: float) -> str:
    """What it was measured on, what else went on there, and what a core came to meanwhile."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    load = f"load {before:.1f} before and {os.getloadavg()[0]:.1f} after {took:.0f} s"
    speed = f"ten million additions in {_additions():.0f} ms of a core"
    return f"{now}, {os.cpu_count()} cores, {load}, {speed}, Python {platform.python_version()}, {platform.system()}"


def _additions() -> float:
    """Milliseconds of CPU: some 400 on a quiet machine of 2026, and more where cores share what is beneath them."""
    begun, total = time.process_time(), 0
    for number in range(10_000_000):
        total += number
    return 1000 * (time.process_time() - begun)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
