"""The journal in a database: writes through one thread, reads beside it. What differs between databases is given in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import takewhile
from typing import TypeAlias, TypeVar

from sqlalchemy import Connection, Engine

from remediator.core.events import Event, Record
from remediator.journal import prefix, statements
from remediator.journal.canonical import Line
from remediator.journal.chain import Head, instant, record_of
from remediator.journal.recent import Recent
from remediator.journal.statements import ALL, Incoming, Selection
from remediator.journal.tally import Tally
from remediator.journal.verification import Extent, begins_rightly, ends_at, verify
from remediator.journal.writer import Begin, Writer
from remediator.ports import Broken, JournalError, Receipt

T = TypeVar("T")
Explain: TypeAlias = Callable[[Exception], Exception]
_PAGE = 1000  # lines read in one short transaction, so that a long export never holds the log file back
_SWEEP = 100  # rows deleted in one transaction, so that no webhook waits for many of them


def _nothing() -> None:
    """There is nothing to be given back."""


class DatabaseJournal:
    """An adapter of `ports.Journal` over two engines: one that begins transactions for writing, one for reading.

    `explain` turns what the database's driver throws into a `JournalError` that says what to do; `release` is called
    at the end; `tally` knows the backlog of an inbox that others write to as well, and `recent` what was taken into one
    that nobody else writes to; `begin` begins a transaction for writing.
    """

    def __init__(
        self,
        writing: Engine,
        reading: Engine,
        explain: Explain,
        release: Callable[[], None] = _nothing,
        tally: Tally | None = None,
        recent: Recent | None = None,
        begin: Begin = Connection.begin,
    ) -> None:
        self._engines, self._explain, self._release, self._closed = (writing, reading), explain, release, False
        self._tally = tally or Tally()
        self._recent = recent
        self._writer = Writer(writing, explain, self._tally, begin)
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="journal-reader")

    async def append(self, events: Sequence[Event], *, after: int, consume: Sequence[int] = ()) -> tuple[Record, ...]:
        """See `ports.Journal.append`. The records given back are those that `read` will give."""
        if self._recent:
            self._recent.forget(consume)
        return await self._writer.run(partial(self._append, events=tuple(events), after=after, consume=tuple(consume)))

    async def read(self, after: int = 0, limit: int = 1000) -> tuple[Record, ...]:
        """See `ports.Journal.read`."""
        return tuple(map(record_of, await self.lines(after, limit)))

    async def lines(self, after: int = 0, limit: int = 1000) -> tuple[Line, ...]:
        """See `ports.Journal.lines`."""
        return await self._ask(lambda connection: _lines(connection, after, max(limit, 0)))

    async def story(self, incident: str, limit: int = 1000) -> tuple[Line, ...]:
        """See `ports.Journal.story`."""
        return await self._ask(lambda connection: _story(connection, incident, max(limit, 0)))

    async def latest(self, kind: str, before: int | None = None, limit: int = 100) -> tuple[Line, ...]:
        """See `ports.Journal.latest`."""
        return await self._ask(lambda connection: _latest(connection, kind, before, max(limit, 0)))

    async def checkpoint(self, before: int | None = None) -> Record | None:
        """See `ports.Journal.checkpoint`."""
        line = await self._ask(lambda connection: prefix.mark(connection, "checkpoint", before))
        return record_of(line) if line else None

    async def floor(self, incidents: Collection[str], before: datetime) -> Head:
        """See `ports.Journal.floor`."""
        return await self._ask(lambda connection: prefix.floor(connection, incidents, before))

    async def drop(self) -> int:
        """See `ports.Journal.drop`. Other writes come between its steps."""
        await self._writer.run(prefix.release)
        dropped = 0
        while step := await self._writer.run(lambda connection: prefix.sweep(connection, _SWEEP)):
            dropped += step
        return dropped

    async def head(self) -> Head:
        """See `ports.Journal.head`."""
        return await self._ask(statements.head)

    async def receive(self, source: str, body: bytes, at: datetime) -> int:
        """See `ports.Journal.receive`. Concurrent payloads share one commit."""
        incoming = Incoming(source, body, instant(at))
        number = await self._writer.receive(incoming)
        if self._recent:
            self._recent.took(Receipt(number, datetime.fromisoformat(incoming.at), source, bytes(body)))
        return number

    async def waiting(self, after: int = 0, limit: int = 100) -> tuple[Receipt, ...]:
        """See `ports.Journal.waiting`. What was received here just now is not read again."""
        if self._recent and not self._closed and (known := self._recent.following(after, limit)):
            return known
        return await self._ask(lambda connection: statements.waiting(connection, after, max(limit, 0)))

    async def backlog(self) -> tuple[int, int]:
        """See `ports.Journal.backlog`: as this writer knows it, without asking the database."""
        if self._closed:
            raise JournalError("the journal is closed: nothing can be read from it any more")
        return self._tally.known or await self._writer.run(self._count)

    async def close(self) -> None:
        """See `ports.Journal.close`."""
        self._closed = True
        await self._writer.close()
        await asyncio.to_thread(self._readers.shutdown)
        for engine in self._engines:
            engine.dispose()
        self._release()
        self._release = _nothing

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

    def _append(
        self, connection: Connection, events: Sequence[Event], after: int, consume: Sequence[int]
    ) -> tuple[Record, ...]:
        records = statements.append(connection, events, after)
        if consume:
            count, size = statements.consume(connection, consume)
            self._tally.change(-count, -size)
        return records

    def _count(self, connection: Connection) -> tuple[int, int]:
        found = statements.backlog(connection)
        self._tally.counted(found)
        return found


def _lines(connection: Connection, after: int, limit: int) -> tuple[Line, ...]:
    begin = statements.start(connection)
    return tuple(statements.lines(connection, max(after, begin[0]), limit))


def _story(connection: Connection, incident: str, limit: int) -> tuple[Line, ...]:
    if not incident:
        return ()
    begin = statements.start(connection)
    return tuple(statements.lines(connection, begin[0], limit, Selection(incident=incident)))


def _latest(connection: Connection, kind: str, before: int | None, limit: int) -> tuple[Line, ...]:
    begin = statements.start(connection)
    return tuple(statements.latest(connection, kind, begin[0], before, limit))


class Damaged(JournalError):
    """The database itself cannot be read: its file or its disk is broken."""


class Reading:
    """A journal looked at from outside, whether or not it holds and whether or not a service is writing to it."""

    def __init__(self, engine: Engine, explain: Explain, start: Callable[[Connection], Head]) -> None:
        self._engine, self._explain, self._start = engine, explain, start

    def head(self) -> Head:
        """The last sequence number and its hash, as noted with the append that wrote it."""
        return self._ends()[0]

    def lines(self, selection: Selection = ALL) -> Iterator[Line]:
        """The selected lines, in order. Raises `Broken` where a record cannot be read."""
        after = self._begin()[0]
        while page := self._page(after, selection):
            yield from page
            after = page[-1]["seq"]

    def page(self, after: int, limit: int) -> tuple[Line, ...]:
        """As `ports.Journal.lines`."""
        return self._ask(lambda connection: _lines(connection, after, max(limit, 0)))

    def checkpoint(self, before: int | None = None) -> Record | None:
        """As `ports.Journal.checkpoint`."""
        line = self._ask(lambda connection: prefix.mark(connection, "checkpoint", before))
        return record_of(line) if line else None

    def verify(self, anchors: Mapping[int, str] | None = None, each: Callable[[Line], None] | None = None) -> Extent:
        """Check the whole chain, its beginning and its noted head as they are when asked; see `verification.verify`."""
        begin, (noted, last) = self._begin(), self._ends()
        lines = takewhile(lambda line: line["seq"] <= last[0], self.lines())
        extent = verify(lines, after=begin, anchors=anchors, each=each)
        ends_at(extent, noted)
        begins_rightly(extent)
        return extent

    def _begin(self) -> Head:
        """The place before the first record."""
        return self._ask(self._start)

    def _ends(self) -> tuple[Head, Head]:
        """The noted head and the last record, at one instant."""
        return self._ask(lambda connection: (statements.head(connection), statements.last(connection)))

    def _ask(self, question: Callable[[Connection], T]) -> T:
        try:
            with self._engine.begin() as connection:
                return question(connection)
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
