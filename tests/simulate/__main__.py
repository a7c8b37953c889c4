"""`python -m tests.simulate`: many seeds, and what they came to.

A seed that breaks a promise is made small, told, and written down as a file that becomes a test.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import msgspec

from remediator import __version__
from tests.simulate.report import Totals
from tests.simulate.run import Report, play
from tests.simulate.scenario import Scenario
from tests.simulate.seeds import reports
from tests.simulate.shrink import MOST_RUNS, Shrinking

REGRESSIONS = Path("tests/simulation/regressions")


def main() -> int:
    """0 where no promise was broken, else 1."""
    asked = _arguments()
    if asked.file:
        return _replay(asked.file)
    totals, begun = Totals(), time.perf_counter()
    try:
        _play_all(asked, totals)
    except KeyboardInterrupt:
        print("interrupted; what was played until now:")
    if not asked.brief:
        print(f"version {_version()}\n")
        print("\n".join(totals.lines(time.perf_counter() - begun)))
    return 1 if totals.broken else 0


def _play_all(asked: argparse.Namespace, totals: Totals) -> None:
    """Seed after seed, until there are enough of them, or of incident-hours, or one breaks a promise for `--first`."""
    with closing(reports(asked)) as played:
        while totals.incident_hours < asked.until if asked.until else totals.runs < asked.seeds:
            report, took = next(played)
            totals.add(report, took)
            if asked.until:
                _say_how_far(asked, totals, report, took)
            if report.violations:
                print(f"seed {report.scenario.seed}: {report.violations[0]}", flush=True)
                if not asked.brief:
                    _tell(report, asked.effort)
                if asked.brief or asked.first:
                    return


def _say_how_far(asked: argparse.Namespace, totals: Totals, report: Report, took: float) -> None:
    here = f"{report.incident_hours:,.0f} incident-hours in {took:,.0f} s of a core"
    print(
        f"seed {report.scenario.seed}: {here}; {totals.incident_hours:,.0f} of {asked.until:,.0f}, "
        f"{totals.broken} runs broke a promise",
        file=sys.stderr,
        flush=True,
    )


def _version() -> str:
    """The commit that was played, and whether something was changed since."""
    command = ("git", "describe", "--always", "--dirty", "--abbrev=9")
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return f"{__version__}, commit unknown"


def _replay(file: Path) -> int:
    """Play a scenario from a file and print all that happens in it."""
    report = play(msgspec.json.decode(file.read_bytes(), type=Scenario), trace=True)
    print("\n".join((*report.trace, *map(str, report.violations))))
    return 1 if report.violations else 0


def _tell(report: Report, effort: int) -> None:
    """The smallest scenario that breaks the same promise, its trace, and how it becomes a test."""
    small = Shrinking(report, most=effort).shrink()
    scenario = small.scenario
    file = Path(f"failing-{scenario.seed}.json")
    file.write_bytes(msgspec.json.format(msgspec.json.encode(scenario), indent=1))
    print("\n".join(play(scenario, trace=True).trace[-60:]))
    print(f"{small.violations[0]}")
    print(f"{len(scenario.happenings)} happenings, {len(scenario.rules)} rules, {len(scenario.workloads)} workloads")
    print(f"again: python -m tests.simulate --file {file}")
    print(f"as a test: mv {file} {REGRESSIONS}/WHAT-IT-SHOWS.json", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulate", description="Simulate the controller.")
    parser.add_argument("--seeds", type=int, default=1, help="how many runs (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default %(default)s)")
    parser.add_argument("--until", type=float, default=0.0, help="as many runs as make so many incident-hours")
    parser.add_argument("--hours", type=float, default=1.0, help="hours with trouble of each run (default %(default)s)")
    parser.add_argument("--crowd", action="store_true", help="a hundred and more incidents that nothing cures")
    parser.add_argument("--about", default="", help="trouble that is in every run, such as freeze or part=road")
    parser.add_argument("--replicas", type=int, default=0, help="so many of them in every run")
    parser.add_argument("--reconciles", action="store_true", help="Alertmanager is asked in every run")
    parser.add_argument("--processes", type=int, default=1, help="so many runs at once (default %(default)s)")
    parser.add_argument("--file", type=Path, help="play this scenario and say all that happens")
    parser.add_argument(
        "--effort", type=int, default=MOST_RUNS, help="runs to make a failing one small in (%(default)s)"
    )
    parser.add_argument("--first", action="store_true", help="end at the first run that breaks a promise")
    parser.add_argument("--brief", action="store_true", help="as --first, but nothing is made small or written")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
