"""Virtual time of the simulated world: it moves only when somebody moves it."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)
"""Where virtual time begins unless told otherwise."""


class VirtualClock:
    """A `ports.Clock` that stands still between `move_to` calls. Sleepers wake in order of their instant."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        """The virtual instant."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return once the clock has been moved that far; at once where `seconds` is not positive."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), self._count, woken))
        await woken

    def next_wake(self) -> datetime | None:
        """The instant of the earliest sleeper, `None` where nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def move_to(self, instant: datetime) -> None:
        """Set the time and wake every sleeper that is due at or before it. Time may be set back (a clock jump)."""
        self._now = instant
        while self._sleepers and self._sleepers[0][0] <= instant:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)


def stamp(instant: datetime) -> str:
    """An instant (UTC) as the Kubernetes API writes it: RFC 3339, whole seconds, `Z`."""
    return f"{instant.isoformat()[:19]}Z"  # ten times as fast as `strftime`, and asked for all the time


def instant_of(text: str) -> datetime:
    """The instant of an API time stamp."""
    return datetime.fromisoformat(text)
