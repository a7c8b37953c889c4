"""The connections of one way: those in use, which are bounded, and those that are kept for the next request."""

from __future__ import annotations

import asyncio

from remediator.clients.arriving import NeverSent
from remediator.clients.connecting import Way, connected
from remediator.clients.wire import Wire

CLOSED = "this client is closed: its process, or its part of one, is stopping"


class Connections:
    """At most `most` are in use at once; whoever wants one more waits for its turn.

    One that is still being made is `_wanted` like one in use: else `sweep` would take its way for one nobody goes.
    """

    def __init__(self, way: Way, most: int) -> None:
        self._way, self._room = way, asyncio.Semaphore(most)
        self._idle: list[Wire] = []
        self._untouched, self._wanted, self._closed = 0, 0, False

    async def take(self, seconds: float | None, *, fresh: bool = False) -> Wire:
        """The one that was used last, or a new one within so many seconds. Raises `NeverSent`."""
        self._wanted += 1
        try:
            wire = None if fresh or self._room.locked() else self._kept()
            if wire is None:
                return await self._within(seconds, fresh)
            await self._room.acquire()  # does not wait: there is room
        except BaseException:
            self._wanted -= 1
            raise
        return wire

    def give(self, wire: Wire) -> None:
        """Give one back; it is kept where it may be."""
        self._wanted -= 1
        self._room.release()
        if self._closed:
            wire.close()
        elif wire.is_free:
            self._idle.append(wire)

    def sweep(self) -> bool:
        """End those that were idle ever since this was asked last; whether there are any others."""
        for wire in self._idle[: self._untouched]:
            wire.close()
        del self._idle[: self._untouched]
        self._untouched = len(self._idle)
        return bool(self._idle or self._wanted)

    def close(self) -> None:
        """End those that are kept, and the others when they are given back."""
        self._closed = True
        for wire in self._idle:
            wire.close()
        self._idle.clear()

    async def _within(self, seconds: float | None, fresh: bool) -> Wire:
        try:
            async with asyncio.timeout(seconds):
                await self._room.acquire()
                try:
                    wire = (None if fresh else self._kept()) or await connected(self._way)
                except BaseException:
                    self._room.release()
                    raise
        except TimeoutError:
            raise NeverSent(f"no connection to {self._way.host}:{self._way.port} within {seconds:g} s") from None
        if self._closed:
            wire.close()
            self._room.release()
            raise NeverSent(CLOSED)
        return wire

    def _kept(self) -> Wire | None:
        """One of those that are idle; they may have been ended meanwhile."""
        while self._idle:
            wire = self._idle.pop()
            self._untouched = min(self._untouched, len(self._idle))
            if wire.is_free:
                return wire
        return None
