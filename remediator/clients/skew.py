"""How far a server's clock is from ours, told by the `Date` of its answers, which has whole seconds."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from remediator.clock import SystemClock

MOST = 10.0
"""Seconds of difference from which on nothing that the server says is taken for the present."""

_SECOND, _NONE = timedelta(seconds=1), timedelta()


class Skew:
    """The difference as it was last seen. `reason` says that it is more than `most` seconds; empty where it is not."""

    def __init__(self, most: float = MOST, now: Callable[[], datetime] | None = None) -> None:
        self.now, self._most = now or SystemClock().now, timedelta(seconds=most)
        self._ahead = _NONE

    def theirs(self, at: datetime) -> datetime:
        """An instant of our clock by theirs."""
        return at + self._ahead

    def learn(self, sent: datetime, date: str) -> None:
        """An answer to what was sent then, just received, has this `Date`; one that is none says nothing."""
        theirs = _instant(date)
        if theirs is not None:
            self._ahead = _least(theirs - self.now(), theirs + _SECOND - sent)

    @property
    def reason(self) -> str:
        """Why answers say nothing of the present; empty where they do."""
        if abs(self._ahead) <= self._most:
            return ""
        seconds, way = abs(self._ahead.total_seconds()), "ahead of" if self._ahead > _NONE else "behind"
        return f"the server's clock is {seconds:.0f} s {way} ours: let NTP set both"


@functools.lru_cache(maxsize=16)
def _instant(date: str) -> datetime | None:
    """What a `Date` says; the answers of one second say the same."""
    from email.utils import parsedate_to_datetime  # slow to import, and only servers that are asked need it

    try:
        return parsedate_to_datetime(date).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _least(low: timedelta, high: timedelta) -> timedelta:
    """Of the differences that explain what was seen, from `low` to `high`, the one closest to none."""
    return low if low > _NONE else high if high < _NONE else _NONE
