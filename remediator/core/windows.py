"""Time intervals in Alertmanager's format, on IANA zones. Pure but for the zone data that `zoneinfo` reads.

Alertmanager's rules (docs, "time_interval"): every given field must match, any entry within a field suffices; days of
the month may count from the end (-1 is the last). One thing more: a range of times may end on the next day
(21:00-05:00), and its second half belongs to the day on which it began.
"""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from remediator.core.model import Value

Range = tuple[int, int]


class TimeInterval(Value, frozen=True):
    """One time interval. Ranges are inclusive, but for `times` (minutes since midnight), whose end is exclusive.

    Weekdays count from Sunday = 0 as Alertmanager's do. An empty field matches everything.
    """

    times: tuple[Range, ...] = ()
    weekdays: tuple[Range, ...] = ()
    days_of_month: tuple[Range, ...] = ()
    months: tuple[Range, ...] = ()
    years: tuple[Range, ...] = ()
    location: str = "UTC"

    def holds(self, at: datetime) -> bool:
        """Whether an instant lies within this interval, by the clocks of its location."""
        local = at.astimezone(ZoneInfo(self.location))
        minute, today = local.hour * 60 + local.minute, local.date()
        if not self.times:
            return self._is_day(today)
        return any(self._within(each, minute, today) for each in self.times)

    def _within(self, times: Range, minute: int, today: date) -> bool:
        start, end = times
        if start < end:
            return start <= minute < end and self._is_day(today)
        if minute >= start:
            return self._is_day(today)
        return minute < end and self._is_day(today - timedelta(days=1))

    def _is_day(self, day: date) -> bool:
        length = calendar.monthrange(day.year, day.month)[1]
        return (
            _any((day.isoweekday() % 7), self.weekdays)
            and _any(day.day, tuple(_from_end(each, length) for each in self.days_of_month))
            and _any(day.month, self.months)
            and _any(day.year, self.years)
        )


def any_holds(intervals: tuple[TimeInterval, ...], at: datetime) -> bool:
    """Whether an instant lies within at least one of the intervals; false for none."""
    return any(interval.holds(at) for interval in intervals)


def _any(value: int, ranges: tuple[Range, ...]) -> bool:
    return not ranges or any(low <= value <= high for low, high in ranges)


def _from_end(days: Range, length: int) -> Range:
    """Days counted from the end of the month as days from its beginning; what lies beyond the month is cut."""
    low, high = (length + 1 + day if day < 0 else day for day in days)
    return max(low, 1), min(high, length)
