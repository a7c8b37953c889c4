"""When queries are due: one apscheduler job for each slot of an interval, spread evenly over it. Jobs only say so."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol
from zlib import crc32

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
    """A `Timetable` by the machine's clock. Slots that come due while the loop is busy are said once, late."""

    def __init__(self) -> None:
        self._scheduler: Any = None
        self._planned: set[Slot] = set()

    def follow(self, slots: Collection[Slot], due: Callable[[Slot], None]) -> None:
        """See `Timetable.follow`."""
        from apscheduler.triggers.interval import IntervalTrigger

        scheduler = self._started()
        for slot in self._planned.difference(slots):
            scheduler.remove_job(_id(slot))

        async def say(slot: Slot) -> None:
            due(slot)

        for slot in set(slots) - self._planned:
            begin = datetime.fromtimestamp(0, UTC) + timedelta(seconds=slot.offset)
            trigger = IntervalTrigger(seconds=slot.interval, start_date=begin, timezone=UTC)  # type: ignore[arg-type]
            scheduler.add_job(say, trigger, args=[slot], id=_id(slot))
        self._planned = set(slots)

    def end(self) -> None:
        """See `Timetable.end`."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    def _started(self) -> Any:
        if self._scheduler is None:
            from apscheduler.schedulers.asyncio import AsyncIOScheduler

            late = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
            self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=late)
            self._scheduler.start()
        return self._scheduler


def _id(slot: Slot) -> str:
    return f"{slot.interval:g}/{slot.number}"
