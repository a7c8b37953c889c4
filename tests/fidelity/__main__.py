"""`python -m tests.fidelity [WORD …]`: play the sequences whose names hold a word (all without one), and tell figures.

Starts a lab of its own. Ends with 1 where something differs that is not listed, or is listed and does not differ.
"""

from __future__ import annotations

import asyncio
import sys
import time
import traceback

from tests.fidelity.known import KNOWN
from tests.fidelity.sequences import SEQUENCES
from tests.fidelity.stage import Compared, Played, Stage
from tests.lab.lab import Lab


def main(words: list[str]) -> int:
    """Play, compare, tell."""
    wanted = [one for name, one in SEQUENCES.items() if not words or any(word in name for word in words)]
    lab = Lab()
    try:
        start = time.monotonic()
        results = asyncio.run(Stage(lab).play(wanted))
        seconds = time.monotonic() - start
    finally:
        lab.stop()
    raised = {name: found for name, found in results.items() if isinstance(found, BaseException)}
    played = [found for found in results.values() if isinstance(found, Played)]
    compared = {one.name: one.clusters() for one in played}
    compared |= {f"{one.name} by kubectl": one.operators() for one in played if one.by_kubectl is not None}
    for name, error in raised.items():
        print(f"{name} raised", *traceback.format_exception(error), sep="\n")
    for name, one in compared.items():
        if str(one):
            print(f"{name}:\n{one}")
    _tell_figures(played, compared, seconds)
    return 1 if raised or any(one.unlisted or one.no_longer for one in compared.values()) else 0


def _tell_figures(played: list[Played], compared: dict[str, Compared], seconds: float) -> None:
    answers = sum(len(one.real) + len(one.by_kubectl or ()) for one in played)
    shown = {row.name for row in KNOWN for name, one in compared.items() for d in one.found if row.covers(name, d)}
    unlisted = sum(len(one.unlisted) for one in compared.values())
    print(f"sequences           {len(played)}, {sum(1 for one in played if one.by_kubectl)} of them by kubectl as well")
    print(f"calls               {sum(one.calls for one in played)} to each cluster")
    print(f"answers and states  {answers} compared, field by field")
    print(f"differences         {len(shown)} that are listed, {unlisted} that are not")
    print(f"time                {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
