"""What the journal needs for itself: a checkpoint now and then, and a word about what is dropped. Decides what is next.

A checkpoint is written part by part between the decisions, and is one of the state as it was when it was begun.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from remediator.core.events import Checkpoint, Dropped, Event
from remediator.core.frozen_state import form, frozen
from remediator.core.state import State

EVERY = 10_000
"""Records between checkpoints: so many at most are folded at a start."""

RECORD = 4096
"""Bytes of a checkpoint for which a record more must have come since: one of a large state is written more seldom."""

CLOSING = 10
"""A clean stop writes a checkpoint where at least one in so many of the records for one have come."""


def checkpoint(state: State, first: int) -> Iterator[Checkpoint]:
    """The parts of a checkpoint of a state, of which the first will be record `first`; others may come in between."""
    texts = frozen(state)
    part, following = 0, next(texts, None)
    while following is not None:
        text, following = following, next(texts, None)
        part += 1
        yield Checkpoint(text, form(), part, first if following is None else 0)


class Upkeep:
    """Knows when a checkpoint is due and what is to be appended next. Told of every event that became durable."""

    def __init__(self, every: int = EVERY) -> None:
        self._every, self._since, self._size = every, 0, 0
        self._parts: Iterator[Checkpoint] | None = None
        self._length = 0
        self._announced: deque[Dropped] = deque()

    def begin(self, since: int, size: int) -> None:
        """So many records came since the last checkpoint, and this was its length in bytes."""
        self._since, self._size = since, size

    def saw(self, event: Event) -> None:
        """An event became durable."""
        if not isinstance(event.data, Checkpoint | Dropped):
            self._since += 1

    def announce(self, dropped: Dropped) -> None:
        """Have it said in the journal that records are dropped."""
        self._announced.append(dropped)

    @property
    def is_due(self) -> bool:
        """Whether something is to be appended."""
        return bool(self._announced) or self._parts is not None or self._since >= self._due

    def close(self) -> None:
        """The end is near: what came since the last checkpoint may be worth one."""
        if self._since >= max(self._due // CLOSING, 1):
            self._since = self._due

    def next(self, state: State, seq: int) -> Checkpoint | Dropped | None:
        """What is to be appended right behind record `seq`, after which this is the state; None where nothing is."""
        if self._announced:
            return self._announced.popleft()
        if self._parts is None:
            if not self.is_due:
                return None
            self._parts, self._length, self._since = checkpoint(state, seq + 1), 0, 0
        part = next(self._parts)
        self._length += len(part.state)
        if part.first:
            self._parts, self._size = None, self._length
        return part

    def give_up(self) -> None:
        """What was to be appended could not be: the checkpoint is begun anew after some more records."""
        self._parts = None
        self._since = self._due - max(self._due // CLOSING, 1)

    @property
    def _due(self) -> int:
        return max(self._every, self._size // RECORD)
