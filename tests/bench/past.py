"""A journal with a long past: closed incidents by the hundred thousand, then many open ones, then a checkpoint.

Written through the product's own journal, in large batches. What a state no longer remembers of closed incidents is not
folded while they are written: a checkpoint stands in for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from remediator.core.events import Event, IncidentClosed, IncidentOpened
from remediator.core.fold import fold
from remediator.core.fold.bounds import MOST
from remediator.core.model import CloseReason, Mode
from remediator.journal import connect
from remediator.ports import Journal
from remediator.upkeep import checkpoint
from tests.bench.crowd import BEGIN, Crowd, rules, sighting, target
from tests.lab.progress import Say

BATCH = 10_000
TARGETS = 200_000
"""Deployments that the past is about: more than a state remembers."""


class Written:
    """A journal file and what is in it: incidents `closed` and `opened`, and records `behind` the checkpoint."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.closed = self.opened = self.behind = self.seq = self.checkpoint_bytes = 0


def write(path: Path, closed: int, opened: int, behind: int, seconds: float, say: Say) -> Written:
    """Make it. The past ends early where it takes longer than so many seconds."""
    return asyncio.run(_write(Written(path), closed, opened, behind, seconds, say))


async def _write(written: Written, closed: int, opened: int, behind: int, seconds: float, say: Say) -> Written:
    journal = connect(f"sqlite://{written.path}")
    crowd = Crowd(now=BEGIN - timedelta(days=300))
    try:
        await _append(journal, written, crowd.begin())
        await _past(journal, written, crowd, closed, seconds, say)
        crowd.now = BEGIN
        await _batched(journal, written, (event for events in crowd.grow(opened) for event in events))
        written.opened = len(crowd.state.incidents)
        parts = list(checkpoint(crowd.state, written.seq + 1))
        written.checkpoint_bytes = sum(len(part.state) for part in parts)
        await _batched(journal, written, (Event(crowd.now, part) for part in parts), 50)
        later = (event for pair in _closed(crowd.now, TARGETS, behind // 2) for event in pair)
        written.behind = await _batched(journal, written, later)
    finally:
        await journal.close()
    return written


async def _past(journal: Journal, written: Written, crowd: Crowd, count: int, seconds: float, say: Say) -> None:
    """The closed incidents; the crowd remembers what it can of the last ones."""
    ends = time.monotonic() + seconds
    while written.closed < count and time.monotonic() < ends:
        pairs = list(_closed(crowd.now, written.closed, min(BATCH, count - written.closed)))
        events = [event for pair in pairs for event in pair]
        await _append(journal, written, events)
        written.closed += len(pairs)
        crowd.now = events[-1].time
        if written.closed > count - MOST - BATCH:
            crowd.state = fold(events, crowd.state)
        if written.closed % (20 * BATCH) == 0:
            say(f"history: {written.closed:,} closed incidents written")


def _closed(begin: datetime, first: int, count: int) -> Iterator[tuple[Event, Event]]:
    """Incidents that were opened, and closed as their signals cleared, some 20 s apart: a million in 230 days."""
    names = [rule.name for rule in rules()]
    for number in range(first, first + count):
        about, name = target(number % TARGETS), names[number % len(names)]
        at = begin + timedelta(seconds=20 * (number - first + 1))
        seen = sighting(name, number % TARGETS, at)
        incident = f"past{number:08}"
        opened = Event(at, IncidentOpened(seen.labels, seen.annotations), incident, name, about)
        closed = IncidentClosed(CloseReason.RESOLVED, "the signals cleared")
        yield opened, Event(at + timedelta(seconds=15), closed, incident, name, about, Mode.ENFORCE)


async def _batched(journal: Journal, written: Written, events: Iterable[Event], size: int = BATCH) -> int:
    """Append them in batches; answers how many there were."""
    rest, count = iter(events), 0
    while some := list(islice(rest, size)):
        await _append(journal, written, some)
        count += len(some)
    return count


async def _append(journal: Journal, written: Written, events: Iterable[Event]) -> None:
    records = await journal.append(tuple(events), after=written.seq)
    written.seq = records[-1].seq
