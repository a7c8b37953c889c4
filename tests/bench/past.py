"""A journal with a long past: closed incidents by the hundred thousand, then many open ones, then a checkpoint.

The past is written in bulk, record by record as the product would; the rest through the product's own journal. What a
state no longer remembers of closed incidents is not folded while they are written: a checkpoint stands in for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from remediator.core.events import Event, IncidentClosed, IncidentOpened
from remediator.core.fold import fold
from remediator.core.fold.bounds import MOST
from remediator.core.model import CloseReason, Mode
from remediator.journal import connect
from remediator.journal.chain import instant
from remediator.ports import Journal
from remediator.upkeep import checkpoint
from tests.bench import bulk
from tests.bench.crowd import BEGIN, Crowd, rules, sighting, target
from tests.lab.progress import Say

BATCH = 10_000
TARGETS = 200_000
"""Deployments that the past is about: more than a state remembers."""
APART, LASTS = timedelta(seconds=20), timedelta(seconds=15)
"""From one closed incident to the next, and from its beginning to its end: a million in 230 days."""


class Written:
    """A journal file and what is in it: incidents `closed` and `opened`, and records `behind` the checkpoint."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.closed = self.opened = self.behind = self.seq = self.checkpoint_bytes = 0


def write(path: Path, closed: int, opened: int, behind: int, say: Say) -> Written:
    """Make it."""
    return asyncio.run(_write(Written(path), closed, opened, behind, say))


async def _write(written: Written, closed: int, opened: int, behind: int, say: Say) -> Written:
    crowd = Crowd(now=BEGIN - timedelta(days=300))
    await _past(written, crowd, closed, say)
    crowd.now = BEGIN
    journal = connect(f"sqlite://{written.path}")
    try:
        await _batched(journal, written, (event for events in crowd.grow(opened) for event in events))
        written.opened = len(crowd.state.incidents)
        say(f"history: {written.opened:,} incidents opened")
        parts = list(checkpoint(crowd.state, written.seq + 1))
        written.checkpoint_bytes = sum(len(part.state) for part in parts)
        await _batched(journal, written, (Event(crowd.now, part) for part in parts), 50)
        later = (event for pair in _closed(crowd.now, TARGETS, behind // 2) for event in pair)
        written.behind = await _batched(journal, written, later)
    finally:
        await journal.close()
    return written


async def _past(written: Written, crowd: Crowd, count: int, say: Say) -> None:
    """The rules, and the closed incidents; the crowd remembers what it can of the last ones."""
    journal = connect(f"sqlite://{written.path}")
    await _append(journal, written, crowd.begin())
    head = await journal.head()
    await journal.close()
    written.seq, _ = bulk.write(written.path, _likes(crowd.now, count), head)
    written.closed = count
    say(f"history: {count:,} closed incidents written")
    first = max(count - MOST - BATCH, 0)
    remembered = _closed(crowd.now + first * APART, first, count - first)
    crowd.state = fold((event for pair in remembered for event in pair), crowd.state)


def _closed(begin: datetime, first: int, count: int) -> Iterator[tuple[Event, Event]]:
    """Incidents that were opened, and closed as their signals cleared."""
    names = [rule.name for rule in rules()]
    for number in range(first, first + count):
        at = begin + (number - first + 1) * APART
        yield _pair(f"past{number:08}", names[number % len(names)], number % TARGETS, at)


def _pair(incident: str, rule: str, number: int, at: datetime) -> tuple[Event, Event]:
    seen, about = sighting(rule, number, at), target(number)
    opened = Event(at, IncidentOpened(seen.labels, seen.annotations), incident, rule, about)
    closed = IncidentClosed(CloseReason.RESOLVED, "the signals cleared")
    return opened, Event(at + LASTS, closed, incident, rule, about, Mode.ENFORCE)


def _likes(begin: datetime, count: int) -> Iterator[tuple[bulk.Likeness, dict[str, str]]]:
    """The same, as records by the words that each has of its own."""
    names, model = [rule.name for rule in rules()], 987_654
    about = target(model)
    marks = {"incident-of-it": "incident", "rule-of-it": "rule", instant(begin): "time"}
    marks |= {about.uid: "uid", about.name: "name", about.namespace: "namespace"}
    marks[instant(begin + LASTS)] = "time"
    opened, closed = (bulk.Likeness(each, marks) for each in _pair("incident-of-it", "rule-of-it", model, begin))
    for number in range(count):
        about, at = target(number % TARGETS), begin + (number + 1) * APART
        words = {"incident": f"past{number:08}", "rule": names[number % len(names)]}
        words |= {"uid": about.uid, "name": about.name, "namespace": about.namespace}
        yield opened, words | {"time": instant(at)}
        yield closed, words | {"time": instant(at + LASTS)}


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
