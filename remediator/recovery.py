"""The state at the start: from the last complete checkpoint and the records after it, so that history costs nothing."""

from __future__ import annotations

from typing import Protocol

from remediator.core.events import Checkpoint, Dropped, Event, Record
from remediator.core.fold import fold
from remediator.core.frozen_state import Thawing, form
from remediator.core.model import Json, Value
from remediator.core.state import State
from remediator.journal.chain import digest, record_of
from remediator.ports import Broken, JournalError

_PARTS = 20  # of a checkpoint, read at once
_PAGE = 500


class Past(Protocol):
    """As much of a journal as a state is restored from."""

    async def read(self, after: int = 0, limit: int = 1000) -> tuple[Record, ...]:
        """See `ports.Journal.read`."""
        ...

    async def lines(self, after: int = 0, limit: int = 1000) -> tuple[Json, ...]:
        """See `ports.Journal.lines`."""
        ...

    async def checkpoint(self, before: int | None = None) -> Record | None:
        """See `ports.Journal.checkpoint`."""
        ...


class Restored(Value, frozen=True):
    """The state after record `seq`. `since` is how many records lie behind the checkpoint it began with, `size` that
    one's length.
    """

    state: State
    seq: int = 0
    since: int = 0
    size: int = 0


async def restore(journal: Past, before: int | None = None) -> Restored:
    """The state as it was when the last event became durable, or the last one below the sequence number `before`.

    The last complete checkpoint stands in for what is before it, where it is of this program's `form` or where nothing
    else is left. Raises `JournalError` where records are missing or cannot be read by this version, `Broken` where a
    part of the checkpoint is not what was chained.
    """
    last = await _checkpoint(journal, before)
    found = await _thaw(journal, last) if last and await _is_wanted(journal, last) else Restored(State())
    state, seq, since = found.state, found.seq, found.since
    while records := await journal.read(after=seq, limit=_PAGE if before is None else min(_PAGE, before - 1 - seq)):
        if records[0].seq != seq + 1:
            raise JournalError(
                f"record {seq + 1} is missing: the journal goes on with record {records[0].seq}, and no complete "
                "checkpoint stands in for those between. See `remediator audit verify`, or restore it from a copy"
            )
        state = fold((record.event for record in records), state)
        since += sum(not isinstance(record.event.data, Checkpoint | Dropped) for record in records)
        seq = records[-1].seq
    return Restored(state, seq, since, found.size)


async def _checkpoint(journal: Past, before: int | None) -> Record | None:
    """The last part of the last complete checkpoint, below `before` where that is given."""
    record = await journal.checkpoint(before=before)
    while record is not None and not _said(record).first:
        record = await journal.checkpoint(before=record.seq)
    return record


async def _is_wanted(journal: Past, last: Record) -> bool:
    """A fold of all records is the truth, and where the state has another shape by now the only exact one."""
    if _said(last).form == form():
        return True
    first = await journal.read(limit=1)
    return first[0].seq != 1


async def _thaw(journal: Past, last: Record) -> Restored:
    """The state of a checkpoint, and after it what was written between its parts."""
    first = _said(last).first
    thawing, between, seq, size, part = Thawing(), [], first - 1, 0, 0
    events: list[Event] = between
    while seq < last.seq:
        for line in await journal.lines(after=seq, limit=min(_PARTS, last.seq - seq)):
            seq, record = line["seq"], record_of(line)
            if isinstance(record.event.data, Checkpoint):
                part += 1
                size += _add(thawing, line, record.event.data, part)
            else:
                events.append(record.event)
    if part != _said(last).part:
        raise Broken(f"record {last.seq} ends a checkpoint of {_said(last).part} parts, of which {part} are there",
                     seq=last.seq)  # fmt: skip
    return Restored(fold(events, thawing.state()), seq, len(events), size)


def _add(thawing: Thawing, line: Json, data: Checkpoint, part: int) -> int:
    """One part more; answers its length. It stands in for many records, so its hash is asked before it is believed."""
    if digest(line) != line["hash"]:
        raise Broken(f"record {line['seq']} is changed: its hash is not that of its content", seq=line["seq"])
    if data.part != part:
        raise Broken(f"record {line['seq']} is part {data.part} of a checkpoint, not part {part}", seq=line["seq"])
    try:
        thawing.add(data.state)
    except ValueError as error:
        raise JournalError(
            f"record {line['seq']} is part of a checkpoint that this version cannot read: {error}. Was it written by a "
            "newer remediator? Run that version again"
        ) from error
    return len(data.state)


def _said(record: Record) -> Checkpoint:
    assert isinstance(record.event.data, Checkpoint), "a checkpoint was asked for"
    return record.event.data
