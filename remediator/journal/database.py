"""The journal in a database: writes through one thread, reads beside it. What differs between databases is given in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import takewhile
from typing import TypeAlias, TypeVar

from sqlalchemy import Connection, Engine

from remediator.core.events import Event, Record
from remediator.journal import statements
from remediator.journal.canonical import Line
from remediator.journal.chain import Head, instant, record_of
from remediator.journal.statements import ALL, Incoming, Selection
from remediator.journal.verification import Extent, ends_at, verify
from remediator.journal.writer import Writer
from remediator.ports import Broken, JournalError, Receipt

T = TypeVar("T")
Explain: TypeAlias = Callable[[Exception], Exception]
_PAGE = 1000  # lines read in one short transaction, so that a long export never holds the log file back


class DatabaseJournal:
    """An adapter of `ports.Journal` over two engines: one that begins transactions for writing, one for reading.

    `explain` turns what the database's driver throws into a `JournalError` that says what to do.
    """

    def __init__(self, writing: Engine, reading: Engine, explain: Explain) -> None:
        self._engines, self._explain, self._closed = (writing, reading), explain, False
        self._writer = Writer(writing, explain)
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="journal-reader")

    async def append(self, events: Sequence[Event], *, after: int, consume: Sequence[int] = ()) -> tuple[Record, ...]:
        """See `ports.Journal.append`. The records given back are those that `read` will give."""
        return await self._writer.run(partial(_append, events=tuple(events), after=after, consume=tuple(consume)))

    async def read(self, after: int = 0, limit: int = 1000) -> tuple[Record, ...]:
        """See `ports.Journal.read`."""
        return await self._ask(
            lambda connection: tuple(map(record_of, statements.lines(connection, after, max(limit, 0))))
        )

    async def lines(self, after: int = 0, limit: int = 1000) -> tuple[Line, ...]:
        """The same records as `read`, in the form that others can verify."""
        return await self._ask(lambda connection: tuple(statements.lines(connection, after, max(limit, 0))))

    async def head(self) -> Head:
        """See `ports.Journal.head`."""
        return await self._ask(statements.head)

    async def receive(self, source: str, body: bytes, at: datetime) -> int:
        """See `ports.Journal.receive`. Concurrent payloads share one commit."""
        return await self._writer.receive(Incoming(source, body, instant(at)))

    async def waiting(self, after: int = 0, limit: int = 100) -> tuple[Receipt, ...]:
        """See `ports.Journal.waiting`."""
        return await self._ask(lambda connection: statements.waiting(connection, after, max(limit, 0)))

    async def backlog(self) -> tuple[int, int]:
        """See `ports.Journal.backlog`."""
        return await self._ask(statements.backlog)

    async def close(self) -> None:
        """See `ports.Journal.close`."""
        self._closed = True
        await self._writer.close()
        await asyncio.to_thread(self._readers.shutdown)
        for engine in self._engines:
            engine.dispose()

    async def _ask(self, question: Callable[[Connection], T]) -> T:
        if self._closed:
            raise JournalError("the journal is closed: nothing can be read from it any more")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._answer, question)

    def _answer(self, question: Callable[[Connection], T]) -> T:
        try:
            with self._engines[1].begin() as connection:
                return question(connection)
        except Exception as error:
            raise self._explain(error) from error


def _append(connection: Connection, events: Sequence[Event], after: int, consume: Sequence[int]) -> tuple[Record, ...]:
    return tuple(map(record_of, statements.append(connection, events, after, consume)))


class Damaged(JournalError):
    """The database itself cannot be read: its file or its disk is broken."""


class Reading:
    """A journal looked at from outside, whether or not it holds and whether or not a service is writing to it."""

    def __init__(self, engine: Engine, explain: Explain) -> None:
        self._engine, self._explain = engine, explain

    def head(self) -> Head:
        """The last sequence number and its hash, as noted with the append that wrote it."""
        return self._ends()[0]

    def lines(self, selection: Selection = ALL) -> Iterator[Line]:
        """The selected lines, in order. Raises `Broken` where a record cannot be read."""
        after = 0
        while page := self._page(after, selection):
            yield from page
            after = page[-1]["seq"]

    def verify(self, anchors: Mapping[int, str] | None = None) -> Extent:
        """Check the whole chain and its noted head as they are when asked; see `chain.verify`."""
        noted, last = self._ends()
        extent = verify(takewhile(lambda line: line["seq"] <= last[0], self.lines()), anchors=anchors)
        ends_at(extent, noted)
        return extent

    def _ends(self) -> tuple[Head, Head]:
        """The noted head and the last record, at one instant."""
        try:
            with self._engine.begin() as connection:
                return statements.head(connection), statements.last(connection)
        except Exception as error:
            raise self._explain(error) from error

    def _page(self, after: int, selection: Selection) -> list[Line]:
        """Some more lines; those before the first unreadable one are given before it is complained of."""
        found: list[Line] = []
        try:
            with self._engine.begin() as connection:
                found.extend(statements.lines(connection, after, _PAGE, selection))
        except Exception as error:
            failure = self._explain(error)
            if isinstance(failure, Damaged):
                failure = Broken(f"what comes after record {after} cannot be read: {failure}", seq=after + 1)
            if not found:
                raise failure from error
        return found
