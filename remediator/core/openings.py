"""When a set of time intervals next stays open for long enough. Pure; the intervals are those of `windows`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from remediator.core.windows import TimeInterval, any_holds

HORIZON = timedelta(days=8)
"""How far ahead an opening is looked for: every weekday, and one more."""

GRID = timedelta(minutes=30)
"""Clocks are set forward and back at full or half hours, so no change of theirs falls between two marks."""

Intervals = tuple[TimeInterval, ...]


def is_open(active: tuple[Intervals, ...], muted: Intervals, at: datetime) -> bool:
    """Whether an instant lies in one interval of every active list and in no muted one: a mute outweighs all."""
    return not any_holds(muted, at) and all(any_holds(intervals, at) for intervals in active)


def next_open(active: tuple[Intervals, ...], muted: Intervals, at: datetime, lasting: timedelta) -> datetime | None:
    """The first instant from `at` on (inclusive) at which it is open and stays so for `lasting`, its end exclusive.

    None where there is none within `HORIZON`.
    """
    if lasting <= timedelta(0) and is_open(active, muted, at):
        return at
    begun: datetime | None = None
    for mark, following in pairwise(_marks((*active, muted), at, at + HORIZON + lasting)):
        if not is_open(active, muted, mark):
            begun = None
            continue
        begun = begun or mark
        if following - begun >= lasting:
            return begun
    return None


def _marks(lists: tuple[Intervals, ...], start: datetime, end: datetime) -> list[datetime]:
    """Instants from `start` to `end` between which nothing opens or closes."""
    grid = start.replace(minute=0, second=0, microsecond=0)
    found = {start, end}
    while grid < end:
        found.add(grid)
        grid += GRID
    for interval in (each for intervals in lists for each in intervals):
        found.update(_edges(interval, start.date() - timedelta(days=1), end.date() + timedelta(days=1)))
    return sorted(mark for mark in found if start <= mark <= end)


def _edges(interval: TimeInterval, first: date, last: date) -> Iterator[datetime]:
    """Midnights, beginnings and ends of an interval from one day to another; of clocks set back, both passes."""
    zone = ZoneInfo(interval.location)
    minutes = {0, *(minute % 1440 for times in interval.times for minute in times)}
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        for minute in minutes:
            local = datetime(day.year, day.month, day.day, *divmod(minute, 60), tzinfo=zone)
            yield from (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
