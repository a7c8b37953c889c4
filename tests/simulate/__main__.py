"""`python -m tests.simulate`: many seeds, one after the other, and what they came to."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulate.generate import generate
from tests.simulate.report import Totals
from tests.simulate.run import play


def main() -> int:
    """0 where no promise was broken, else 1."""
    asked = _arguments()
    totals, begun = Totals(), time.perf_counter()
    for seed in range(asked.seed, asked.seed + asked.seeds):
        report = play(generate(seed, asked.hours))
        totals.add(report)
        for violation in report.violations[:1]:
            print(f"seed {seed}: {violation}", flush=True)
        if asked.brief and report.violations:
            return 1
        if asked.seeds == 1:
            print(f"seed {seed}: the journal ends with {report.head}")
    if asked.brief:
        return 0
    print("\n".join(totals.lines(time.perf_counter() - begun)))
    return 1 if totals.broken else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="how many runs (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default %(default)s)")
    parser.add_argument(
        "--hours", type=float, default=2.0, help="hours with trouble, of each run (default %(default)s)"
    )
    parser.add_argument("--brief", action="store_true", help="say only the first broken promise, and end there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
