"""The journals of a run: any adapter, asked one thing at a time, so that its threads cannot change the order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from remediator.core.events import Event, Record
from remediator.core.model import Json
from remediator.journal import connect, reading
from remediator.journal.memory import MemoryJournal
from remediator.ports import Journal, Receipt
from remediator.simulation.loop import VirtualLoop

T = TypeVar("T")


class Books:
    """A `ports.Journal` around another; virtual time stands still while that one works."""

    def __init__(self, journal: Journal, loop: VirtualLoop) -> None:
        self._journal, self._loop, self._lock = journal, loop, asyncio.Lock()

    async def append(self, events: Sequence[Event], *, after: int, consume: Sequence[int] = ()) -> tuple[Record, ...]:
        """See `ports.Journal.append`."""
        return await self._ask(self._journal.append(events, after=after, consume=consume))

    async def read(self, after: int = 0, limit: int = 1000) -> tuple[Record, ...]:
        """See `ports.Journal.read`."""
        return await self._ask(self._journal.read(after, limit))

    async def lines(self, after: int = 0, limit: int = 1000) -> tuple[Json, ...]:
        """See `ports.Journal.lines`."""
        return await self._ask(self._journal.lines(after, limit))

    async def head(self) -> tuple[int, str]:
        """See `ports.Journal.head`."""
        return await self._ask(self._journal.head())

    async def checkpoint(self, before: int | None = None) -> Record | None:
        """See `ports.Journal.checkpoint`."""
        return await self._ask(self._journal.checkpoint(before))

    async def floor(self, incidents: Collection[str], before: datetime) -> tuple[int, str]:
        """See `ports.Journal.floor`."""
        return await self._ask(self._journal.floor(incidents, before))

    async def drop(self) -> int:
        """See `ports.Journal.drop`."""
        return await self._ask(self._journal.drop())

    async def receive(self, source: str, body: bytes, at: datetime) -> int:
        """See `ports.Journal.receive`."""
        return await self._ask(self._journal.receive(source, body, at))

    async def waiting(self, after: int = 0, limit: int = 100) -> tuple[Receipt, ...]:
        """See `ports.Journal.waiting`."""
        return await self._ask(self._journal.waiting(after, limit))

    async def backlog(self) -> tuple[int, int]:
        """See `ports.Journal.backlog`."""
        return await self._ask(self._journal.backlog())

    async def close(self) -> None:
        """See `ports.Journal.close`."""
        await self._ask(self._journal.close())

    async def _ask(self, question: Awaitable[T]) -> T:
        async with self._lock:
            with self._loop.outside():
                return await question


@contextmanager
def kept(kind: str) -> Iterator[Journal]:
    """A new journal of a kind, `memory` or `sqlite`; what is in the file is verified in the end."""
    if kind == "memory":
        yield MemoryJournal()
        return
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder)}/journal.db"
        yield connect(url)
        with reading(url) as book:
            book.verify()
