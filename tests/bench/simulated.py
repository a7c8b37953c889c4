"""`simulated`: simulated hours a second: the real controller in a world that fails, as `make simulate` plays it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.process import pin
from tests.bench.table import Row, said
from tests.lab.progress import Say

SECONDS = 20.0
"""After so long no further run is begun."""


def measure(folder: Path, say: Say) -> list[Row]:
    """Run it; half a minute."""
    command = [sys.executable, "-m", "tests.bench.simulated"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        pin(process.pid, {max(os.sched_getaffinity(0))})
        answer, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"simulated: {' '.join(command)} ended with {process.returncode}: was a promise broken?")
    figures = json.loads(answer)
    say(f"simulated: {figures['runs']} runs in {figures['seconds']:.0f} s")
    hours, incidents, seconds = figures["hours"], figures["incident_hours"], figures["seconds"]
    return [
        Row("simulated", "hours a second, one core", said(hours / seconds, "h/s"), f"{figures['runs']} seeds"),
        Row("simulated", "incident-hours a second, one core", said(incidents / seconds, "h/s")),
    ]


def play_on() -> dict[str, float]:
    """Play one seed after the other for `SECONDS`; what they came to."""
    from tests.simulate.generate import generate
    from tests.simulate.report import Totals
    from tests.simulate.run import play

    totals, begun = Totals(), time.perf_counter()
    while time.perf_counter() - begun < SECONDS:
        totals.add(play(generate(totals.runs + 1, 1.0)))
    if totals.broken:
        raise SystemExit(1)
    took = time.perf_counter() - begun
    return {
        "runs": totals.runs,
        "hours": totals.hours,
        "incident_hours": totals.incident_hours,
        "seconds": took,
    }


if __name__ == "__main__":
    print(json.dumps(play_on()))
