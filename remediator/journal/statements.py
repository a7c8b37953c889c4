"""What is asked of the tables, within a transaction that the caller has begun; the same in every database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, select, update

from remediator.core.events import Event, Record
from remediator.core.model import Value
from remediator.journal.canonical import Line, parse
from remediator.journal.chain import FIELDS, START, Head, instant, links, place_of
from remediator.journal.hot import Hot
from remediator.journal.tables import (
    SCHEMA_VERSION,
    inbox,
    journal,
    journal_head,
    journal_start,
    metadata,
    schema_version,
)
from remediator.journal.verification import ends_at, verify
from remediator.ports import Broken, Receipt

T = TypeVar("T")
_JSON = ("target", "data")


class Incoming(NamedTuple):
    """A payload on its way into the inbox."""

    source: str
    body: bytes
    at: str


class Selection(Value, frozen=True):
    """Which records are wanted: of one incident, at or after `since`, before `until`. Empty means all."""

    since: datetime | None = None
    until: datetime | None = None
    incident: str = ""


ALL = Selection()

_head = select(journal_head.c.seq, journal_head.c.hash)
_locked_head = Hot(_head.with_for_update())
_start = select(journal_start.c.seq, journal_start.c.hash)
_move = Hot(update(journal_head), ("seq", "hash"))
_write = Hot(insert(journal), FIELDS)
_keep = Hot(insert(inbox).returning(inbox.c.id, sort_by_parameter_order=True), ("received_at", "source", "body"))
_drop = Hot(
    delete(inbox).where(inbox.c.id.between(bindparam("first"), bindparam("last"))).returning(func.length(inbox.c.body))
)
_lines = select(*(journal.c[name] for name in FIELDS)).order_by(journal.c.seq)
_backwards = select(*(journal.c[name] for name in FIELDS)).order_by(journal.c.seq.desc())
_last = select(journal.c.seq, journal.c.hash).order_by(journal.c.seq.desc()).limit(1)
_waiting = (
    select(inbox.c.id, inbox.c.received_at, inbox.c.source, inbox.c.body)
    .where(inbox.c.id > bindparam("after"))
    .order_by(inbox.c.id)
    .limit(bindparam("most"))
)
_backlog = select(func.count(), func.coalesce(func.sum(func.length(inbox.c.body)), 0)).select_from(inbox)


def create(connection: Connection) -> None:
    """Make the tables of an empty journal."""
    metadata.create_all(connection)
    connection.execute(insert(schema_version), {"version": SCHEMA_VERSION})
    for note in (journal_start, journal_head):
        connection.execute(insert(note), {"one": 1, "seq": 0, "hash": ""})


def append(connection: Connection, events: Sequence[Event], after: int) -> tuple[Record, ...]:
    """Write events behind record `after`, and answer them as they will be read; `Fenced` where the head is another.

    The head's row is locked for the rest of the transaction, so that of two writers one waits and then loses.
    """
    noted = _locked_head.rows(connection, {})
    found = links(events, tuple(noted[0]) if noted else _headed(connection, _head), after=after)
    if found:
        _write.run_for_each(connection, [link.row for link in found])
        seq, digest = place_of(found[-1].row)
        _move.run(connection, {"seq": seq, "hash": digest})
    return tuple(link.record for link in found)


def consume(connection: Connection, receipts: Sequence[int]) -> tuple[int, int]:
    """Take receipts out of the inbox, and answer how many there were of them and their bytes in all."""
    sizes = [
        size for first, last in runs(receipts) for (size,) in _drop.rows(connection, {"first": first, "last": last})
    ]
    return len(sizes), sum(sizes)


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The first and the last of each run of numbers that follow each other; as few runs as may be, in order."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and number - found[-1][1] <= 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def batched(values: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """The values in runs that fit into one statement."""
    return (values[start : start + size] for start in range(0, len(values), size))


def receive(connection: Connection, payloads: Sequence[Incoming]) -> Sequence[int]:
    """Write payloads into the inbox and answer their numbers in the same order."""
    rows = [{"source": item.source, "body": item.body, "received_at": item.at} for item in payloads]
    return _keep.keys(connection, rows)


def lines(connection: Connection, after: int, limit: int, selection: Selection = ALL) -> Iterable[Line]:
    """Up to `limit` lines above `after`, in order, one by one; `Broken` where a row is no line."""
    query = _lines.where(journal.c.seq > after).limit(limit)
    if selection.incident:
        query = query.where(journal.c.incident == selection.incident)
    if selection.since is not None:
        query = query.where(journal.c.time >= instant(selection.since))
    if selection.until is not None:
        query = query.where(journal.c.time < instant(selection.until))
    for row in connection.execute(query):
        yield _line(row)


def latest(connection: Connection, kind: str, after: int, before: int | None, limit: int) -> Iterable[Line]:
    """Up to `limit` lines of a kind above `after`, the newest first, one by one; `Broken` where a row is no line."""
    query = _backwards.where(journal.c.kind == kind, journal.c.seq > after).limit(limit)
    if before is not None:
        query = query.where(journal.c.seq < before)
    for row in connection.execute(query):
        yield _line(row)


def head(connection: Connection) -> Head:
    """The last record's place, as noted with the append that wrote it; `Broken` where the note is gone."""
    return _headed(connection, _head)


def _headed(connection: Connection, query: Select[int, str]) -> Head:
    row = connection.execute(query).one_or_none()
    if row is None:
        seq = last(connection)[0] + 1
        raise Broken(f"the note of the journal's end is gone: what comes after record {seq - 1} is unknown", seq=seq)
    return _place(row)


def last(connection: Connection) -> Head:
    """The last record's place, as the table of records has it."""
    row = connection.execute(_last).one_or_none()
    return _place(row) if row else START


def start(connection: Connection) -> Head:
    """The place before the first record; `Broken` where the note of it is gone."""
    row = connection.execute(_start).one_or_none()
    if row is None:
        raise Broken("the note of the journal's beginning is gone: what comes before its records is unknown", seq=1)
    return _place(row)


def check_tail(connection: Connection, count: int = 100) -> None:
    """Check that the last records hold, follow each other and end at the noted head; `Broken` where they do not."""
    noted, begin = head(connection), start(connection)
    first = max(noted[0] - count, begin[0])
    before = [place_of(line) for line in lines(connection, first - 1, 1)] if first > begin[0] else [begin]
    extent = verify(lines(connection, first, count + 1), after=before[0] if before else begin)
    ends_at(extent, noted)


def waiting(connection: Connection, after: int, limit: int) -> tuple[Receipt, ...]:
    """Up to `limit` receipts above `after`, oldest first."""
    rows = connection.execute(_waiting, {"after": after, "most": limit})
    return tuple(Receipt(id, datetime.fromisoformat(at), source, bytes(body)) for id, at, source, body in rows)


def backlog(connection: Connection) -> tuple[int, int]:
    """Count and bytes of what waits in the inbox."""
    count, size = connection.execute(_backlog).one()
    return int(count), int(size)


def _place(row: Row[int, str]) -> Head:
    return row[0], row[1]


def _line(row: Sequence[Any]) -> Line:
    line: Line = dict(zip(FIELDS, row, strict=True))
    try:
        if bytes in map(type, row):
            raise TypeError("a blob stands in for a text")
        line.update({name: parse(line[name]) for name in _JSON if line[name] is not None})
    except (TypeError, ValueError, RecursionError) as error:
        raise Broken(f"record {line['seq']} is changed: {error}", seq=line["seq"]) from error
    return line
