"""Seed after seed, in one process or in several at once; the reports come in the order of the seeds all the same."""

from __future__ import annotations

import argparse
import signal
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count
from multiprocessing import get_context

from msgspec.structs import replace

from tests.simulate.generate import crowd, generate
from tests.simulate.run import Report, play
from tests.simulate.scenario import Scenario

Timed = tuple[Report, float]
"""A report, and the seconds of a core that it took."""


def reports(asked: argparse.Namespace) -> Generator[Timed, None, None]:
    """The reports of consecutive seeds from `asked.seed` on, without an end, made by `asked.processes` at once."""
    played = partial(_played, asked)
    if asked.processes > 1:
        yield from _beside(played, asked.seed, asked.processes)
    yield from map(played, count(asked.seed))


def scenario(asked: argparse.Namespace, seed: int) -> Scenario:
    """What a seed makes, with what is said of it on the command line."""
    made = crowd(seed, asked.hours) if asked.crowd else generate(seed, asked.hours, asked.about)
    return replace(made, replicas=asked.replicas or made.replicas, reconciles=asked.reconciles or made.reconciles)


def _played(asked: argparse.Namespace, seed: int) -> Timed:
    begun = time.process_time()
    return play(scenario(asked, seed)), time.process_time() - begun


def _beside(played: Callable[[int], Timed], first: int, processes: int) -> Generator[Timed, None, None]:
    """Twice as many are under way or wait as there are processes, so that a slow one holds up no other."""
    seeds = count(first)
    with ProcessPoolExecutor(processes, get_context("spawn"), _heed_no_interrupt) as pool:
        waiting = deque(pool.submit(played, next(seeds)) for _ in range(2 * processes))
        try:
            while True:
                timed = waiting.popleft().result()
                waiting.append(pool.submit(played, next(seeds)))
                yield timed
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _heed_no_interrupt() -> None:
    """Who asks for the reports hears Ctrl-C, and says what was played until then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
