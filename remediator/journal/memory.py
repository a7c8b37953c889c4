"""A journal in memory: the same promises as a database's but durability, for simulation, rule tests and the demo."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice, takewhile

from remediator.core.events import Checkpoint, Dropped, Event, Record
from remediator.journal.canonical import Line
from remediator.journal.chain import START, Head, instant, line_of, links
from remediator.ports import JournalError, Receipt


class MemoryJournal:
    """An adapter of `ports.Journal` that holds everything in lists; two users of one object are two writers."""

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._start = START
        self._marks: list[Record] = []
        self._inbox: dict[int, Receipt] = {}
        self._received = self._bytes = 0
        self._closed = False

    async def append(self, events: Sequence[Event], *, after: int, consume: Sequence[int] = ()) -> tuple[Record, ...]:
        """See `ports.Journal.append`."""
        self._open()
        sealed = [link.record for link in links(events, self._head(), after=after)]
        self._records += sealed
        self._marks += (record for record in sealed if isinstance(record.event.data, Checkpoint | Dropped))
        for receipt in consume:
            gone = self._inbox.pop(receipt, None)
            self._bytes -= len(gone.body) if gone else 0
        return tuple(sealed)

    async def read(self, after: int = 0, limit: int = 1000) -> tuple[Record, ...]:
        """See `ports.Journal.read`."""
        self._open()
        start = max(after - self._start[0], 0)
        return tuple(self._records[start : start + max(limit, 0)])

    async def lines(self, after: int = 0, limit: int = 1000) -> tuple[Line, ...]:
        """See `ports.Journal.lines`."""
        return tuple(line_of(record) for record in await self.read(after, limit))

    async def story(self, incident: str, limit: int = 1000) -> tuple[Line, ...]:
        """See `ports.Journal.story`."""
        self._open()
        found = (line_of(each) for each in self._records if incident and each.event.incident == incident)
        return tuple(islice(found, max(limit, 0)))

    async def latest(self, kind: str, before: int | None = None, limit: int = 100) -> tuple[Line, ...]:
        """See `ports.Journal.latest`."""
        self._open()
        found = (
            line_of(each)
            for each in reversed(self._records)
            if each.event.kind == kind and (before is None or each.seq < before)
        )
        return tuple(islice(found, max(limit, 0)))

    async def head(self) -> Head:
        """See `ports.Journal.head`."""
        self._open()
        return self._head()

    async def checkpoint(self, before: int | None = None) -> Record | None:
        """See `ports.Journal.checkpoint`."""
        self._open()
        return next((each for each in self._latest(Checkpoint) if before is None or each.seq < before), None)

    async def floor(self, incidents: Collection[str], before: datetime) -> Head:
        """See `ports.Journal.floor`."""
        self._open()
        complete, wanted = self._complete(), set(incidents)
        old = takewhile(
            lambda each: each.seq < complete and each.event.incident not in wanted and each.event.time < before,
            self._records,
        )
        found = [(record.seq, record.hash) for record in old]
        return found[-1] if found else self._start

    async def drop(self) -> int:
        """See `ports.Journal.drop`."""
        self._open()
        said = next((each for each in self._latest(Dropped)), None)
        data = said.event.data if said else None
        if not isinstance(data, Dropped) or data.until <= self._start[0]:
            return 0
        count = data.until - self._start[0]
        if data.until >= self._complete() or self._records[count - 1].hash != data.hash:
            raise JournalError(
                f"the records up to {data.until} are said to be dropped, but another record is named, or no checkpoint "
                "stands in for them: nothing was dropped"
            )
        del self._records[:count]
        self._start = (data.until, data.hash)
        self._marks = [each for each in self._marks if each.seq > data.until]
        return count

    def _latest(self, kind: type) -> Iterator[Record]:
        """Records of a kind, the last one first."""
        return (each for each in reversed(self._marks) if isinstance(each.event.data, kind))

    def _complete(self) -> int:
        """The first record of the last complete checkpoint; 0 where there is none."""
        firsts = (each.event.data.first for each in self._latest(Checkpoint))  # type: ignore[union-attr]
        return next(filter(None, firsts), 0)

    async def receive(self, source: str, body: bytes, at: datetime) -> int:
        """See `ports.Journal.receive`; kept as long as the object is."""
        self._open()
        received_at = datetime.fromisoformat(instant(at))
        self._received += 1
        self._bytes += len(body)
        self._inbox[self._received] = Receipt(self._received, received_at, source, bytes(body))
        return self._received

    async def waiting(self, after: int = 0, limit: int = 100) -> tuple[Receipt, ...]:
        """See `ports.Journal.waiting`."""
        self._open()
        return tuple(receipt for number, receipt in self._inbox.items() if number > after)[: max(limit, 0)]

    async def backlog(self) -> tuple[int, int]:
        """See `ports.Journal.backlog`."""
        self._open()
        return len(self._inbox), self._bytes

    async def close(self) -> None:
        """See `ports.Journal.close`."""
        self._closed = True

    def _head(self) -> Head:
        return (self._records[-1].seq, self._records[-1].hash) if self._records else self._start

    def _open(self) -> None:
        if self._closed:
            raise JournalError("the journal is closed: nothing can be read from it or appended to it any more")
