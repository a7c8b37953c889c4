"""When queries are due: at the slots of their interval, spread evenly over it. It is only said; others ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, Protocol
from zlib import crc32

from remediator.ports import Clock

MOST_SLOTS = 60
"""Slots of one interval: what is asked at one instant is a small part of all."""


class Slot(NamedTuple):
    """What is asked at one instant: the queries of one interval (seconds) that fall to one of its slots."""

    interval: float
    number: int

    @property
    def offset(self) -> float:
        """Seconds after the beginning of each interval, which are counted from the epoch."""
        return self.interval * self.number / slots_in(self.interval)

    def late(self, at: float) -> float:
        """Seconds since it was last due, at a Unix time."""
        return (at - self.offset) % self.interval


def slot_of(query: str, interval: float) -> Slot:
    """The slot of a query: equal ones share theirs, and none moves where others come and go."""
    return Slot(interval, crc32(query.encode()) % slots_in(interval))


def slots_in(interval: float) -> int:
    """How many slots an interval has: one for each second, from 1 to `MOST_SLOTS`."""
    return max(1, min(int(interval), MOST_SLOTS))


class Timetable(Protocol):
    """Says which slot is due, on the event loop."""

    def follow(self, slots: Collection[Slot], due: Callable[[Slot], None]) -> None:
        """From now on call `due` for these slots, and for no others."""
        ...

    def end(self) -> None:
        """Call nothing any more."""
        ...


class Schedule:
    """A `Timetable` by the clock port: apscheduler's triggers say when, the clock waits. Slots that come due while the
    loop is busy are said once, late.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._planned: dict[Slot, datetime] = {}
        self._task: asyncio.Task[None] | None = None

    def follow(self, slots: Collection[Slot], due: Callable[[Slot], None]) -> None:
        """See `Timetable.follow`."""
        self.end()
        now = self._clock.now()
        self._planned = {slot: self._planned.get(slot) or _next(slot, now) for slot in slots}
        if self._planned:
            self._task = asyncio.create_task(self._say(due))

    def end(self) -> None:
        """See `Timetable.end`."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _say(self, due: Callable[[Slot], None]) -> None:
        while True:
            await self._clock.sleep((min(self._planned.values()) - self._clock.now()).total_seconds())
            now = self._clock.now()
            for slot, at in sorted(self._planned.items()):
                if at <= now:
                    due(slot)
                if at <= now or (at - now).total_seconds() > slot.interval:  # the latter where the clock was set back
                    self._planned[slot] = _next(slot, now)


def _next(slot: Slot, now: datetime) -> datetime:
    """The first instant after now at which a slot is due."""
    trigger = _trigger(slot)
    at = trigger.get_next_fire_time(None, now)
    return at if at > now else trigger.get_next_fire_time(at, now)


@lru_cache(maxsize=1024)
def _trigger(slot: Slot) -> Any:
    from apscheduler.triggers.interval import IntervalTrigger

    begin = datetime.fromtimestamp(0, UTC) + timedelta(seconds=slot.offset)
    return IntervalTrigger(seconds=slot.interval, start_date=begin, timezone=UTC)  # type: ignore[arg-type]
