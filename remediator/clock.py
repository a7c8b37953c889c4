"""The real clock: the shell's only source of "now". The simulation has its own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime


class SystemClock:
    """A `ports.Clock` over the machine's wall clock and the running event loop."""

    def now(self) -> datetime:
        """The present instant, aware, UTC, to the microsecond."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds; where not positive, as soon as the other tasks had their turn."""
        await asyncio.sleep(max(0.0, seconds))
