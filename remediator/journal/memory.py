"""A journal in memory: the same promises as a database's but durability, for simulation, rule tests and the demo."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from remediator.core.events import Event, Record
from remediator.journal.canonical import Line
from remediator.journal.chain import START, Head, chained, instant, line_of, record_of
from remediator.ports import JournalError, Receipt


class MemoryJournal:
    """An adapter of `ports.Journal` that holds everything in lists; two users of one object are two writers."""

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._inbox: dict[int, Receipt] = {}
        self._received = 0
        self._closed = False

    async def append(self, events: Sequence[Event], *, after: int, consume: Sequence[int] = ()) -> tuple[Record, ...]:
        """See `ports.Journal.append`."""
        self._open()
        lines = chained(events, self._head(), after=after)
        sealed = [record_of(line) for line in lines]
        self._records += sealed
        for receipt in consume:
            self._inbox.pop(receipt, None)
        return tuple(sealed)

    async def read(self, after: int = 0, limit: int = 1000) -> tuple[Record, ...]:
        """See `ports.Journal.read`."""
        self._open()
        start = max(after, 0)  # record n stands at index n - 1
        return tuple(self._records[start : start + max(limit, 0)])

    async def lines(self, after: int = 0, limit: int = 1000) -> tuple[Line, ...]:
        """The same records as `read`, in the form that others can verify."""
        return tuple(line_of(record) for record in await self.read(after, limit))

    async def head(self) -> Head:
        """See `ports.Journal.head`."""
        self._open()
        return self._head()

    async def receive(self, source: str, body: bytes, at: datetime) -> int:
        """See `ports.Journal.receive`; kept as long as the object is."""
        self._open()
        received_at = datetime.fromisoformat(instant(at))
        self._received += 1
        self._inbox[self._received] = Receipt(self._received, received_at, source, bytes(body))
        return self._received

    async def waiting(self, after: int = 0, limit: int = 100) -> tuple[Receipt, ...]:
        """See `ports.Journal.waiting`."""
        self._open()
        return tuple(receipt for number, receipt in self._inbox.items() if number > after)[: max(limit, 0)]

    async def backlog(self) -> tuple[int, int]:
        """See `ports.Journal.backlog`."""
        self._open()
        return len(self._inbox), sum(len(receipt.body) for receipt in self._inbox.values())

    async def close(self) -> None:
        """See `ports.Journal.close`."""
        self._closed = True

    def _head(self) -> Head:
        return (self._records[-1].seq, self._records[-1].hash) if self._records else START

    def _open(self) -> None:
        if self._closed:
            raise JournalError("the journal is closed: nothing can be read from it or appended to it any more")
