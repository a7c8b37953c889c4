"""The one thread that writes: each caller waits for the commit of what it asked for.

Payloads that arrive while a commit is under way share the next one (group commit), so that the disk's latency is
paid once for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine

from remediator.journal.statements import Incoming, receive
from remediator.journal.tally import Tally
from remediator.ports import JournalError

T = TypeVar("T")
Work: TypeAlias = Callable[[Connection], Any]
Begin: TypeAlias = Callable[[Connection], AbstractContextManager[Any]]
"""Begins a transaction that ends with the block: kept, or rolled back where the block or the commit fails."""


class _Asked(NamedTuple):
    """One request: work for a transaction of its own, or a payload that shares one."""

    wanted: Work | Incoming
    answer: asyncio.Future[Any]


class Writer:
    """Runs transactions one after the other on a thread of its own. `tally` hears what they do to the inbox.

    `explain` turns what a database throws into a `JournalError`. After a failure the connection is given up and
    a new one is made: nothing of its state is trusted.
    """

    def __init__(
        self,
        engine: Engine,
        explain: Callable[[Exception], Exception],
        tally: Tally,
        begin: Begin = Connection.begin,
    ) -> None:
        self._engine, self._explain, self._tally, self._begin = engine, explain, tally, begin
        self._connection: Connection | None = None
        self._queue: SimpleQueue[_Asked | None] = SimpleQueue()
        self._closed = False
        self._thread = Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Carry work out in its own transaction; returns after the commit. Cancelling the wait does not undo it."""
        return await self._ask(work)

    async def receive(self, payload: Incoming) -> int:
        """Make a payload durable together with others that wait; returns its number after the commit."""
        return await self._ask(payload)

    async def close(self) -> None:
        """Finish what was asked, then end the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _ask(self, wanted: Work | Incoming) -> asyncio.Future[Any]:
        if self._closed:
            raise JournalError("the journal is closed: nothing can be appended to it any more")
        answer = asyncio.get_running_loop().create_future()
        self._queue.put(_Asked(wanted, answer))
        return answer

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            taken = self._take()
            goes_on = None not in taken
            asked = [item for item in taken if item is not None]
            works = [item for item in asked if not isinstance(item.wanted, Incoming)]
            arrived = [item for item in asked if isinstance(item.wanted, Incoming)]
            for item in works[:-1]:
                self._transact([item])
            self._together(works[-1:], arrived)
        self._disconnect(trusted=True)

    def _take(self) -> list[_Asked | None]:
        """All that is asked for by now, waiting for the first."""
        taken = [self._queue.get()]
        while not self._queue.empty():  # nobody else takes from it
            taken.append(self._queue.get())
        return taken

    def _together(self, works: list[_Asked], arrived: list[_Asked]) -> None:
        """Work and payloads in one transaction, so that the disk is waited for once; where that fails, each in its own:
        nobody's failure is another one's.
        """
        if works and arrived and self._succeeds([*works, *arrived]):
            return
        for asked in (works, arrived):
            if asked:
                self._transact(asked)

    def _succeeds(self, asked: Sequence[_Asked]) -> bool:
        """One transaction, of which nobody hears where it fails."""
        try:
            results = self._results(asked)
        except Exception:
            return False
        _tell(asked, results)
        return True

    def _transact(self, asked: Sequence[_Asked]) -> None:
        """One transaction; its results go to those who asked, or its failure to all of them."""
        try:
            results = self._results(asked)
        except Exception as error:
            results = [self._explain(error) for _ in asked]
        _tell(asked, results)

    def _results(self, asked: Sequence[_Asked]) -> list[Any]:
        """What came of each, once all of it is committed."""
        try:
            self._connection = connection = self._connection or self._engine.connect()
            with self._begin(connection):
                results = [item.wanted(connection) for item in asked if not isinstance(item.wanted, Incoming)]
                results += self._received(connection, [item.wanted for item in asked])
            self._tally.keep()
            return results
        except Exception as error:
            self._tally.lose()
            self._disconnect(trusted=isinstance(error, JournalError))
            raise

    def _received(self, connection: Connection, wanted: Sequence[Work | Incoming]) -> Sequence[int]:
        """The numbers of the payloads among what is wanted."""
        payloads = [each for each in wanted if isinstance(each, Incoming)]
        if not payloads:
            return ()
        self._tally.change(len(payloads), sum(len(payload.body) for payload in payloads))
        return receive(connection, payloads)

    def _disconnect(self, *, trusted: bool) -> None:
        """Give the connection back; one that is not trusted is closed, and the next is a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if not trusted:
            self._engine.dispose()


def _tell(asked: Sequence[_Asked], results: Sequence[Any]) -> None:
    """Hand answers over with one wake-up for each event loop."""
    for loop in {item.answer.get_loop() for item in asked}:
        answers = [
            (item.answer, result) for item, result in zip(asked, results, strict=True) if item.answer.get_loop() is loop
        ]
        try:
            loop.call_soon_threadsafe(_settle, answers)
        except RuntimeError:  # that loop has ended and nobody waits any more
            continue


def _settle(answers: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for answer, result in answers:
        if answer.done():
            continue
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)
