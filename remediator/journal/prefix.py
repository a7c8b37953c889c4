"""The beginning of the journal in its tables: which records may go, and how they go, within the caller's transaction.

Dropping is said by a chained record first, then the beginning is moved at once, and rows before it go little by little.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, Select, delete, func, literal_column, select, update

from remediator.journal import statements
from remediator.journal.canonical import Line
from remediator.journal.chain import Head, instant
from remediator.journal.tables import journal, journal_start
from remediator.ports import JournalError

_first = select(func.min(journal.c.seq))
_move = update(journal_start)


def mark(connection: Connection, kind: str, before: int | None = None) -> Line | None:
    """The last record of a kind that is indexed, with a sequence number below `before`."""
    query = _of(kind)
    if before is not None:
        query = query.where(journal.c.seq < before)
    seq: int | None = connection.scalar(query.order_by(journal.c.seq.desc()).limit(1))
    if seq is None or seq <= statements.start(connection)[0]:
        return None
    return next(iter(statements.lines(connection, seq - 1, 1)))


def floor(connection: Connection, incidents: Collection[str], before: datetime) -> Head:
    """See `ports.Journal.floor`."""
    begin = statements.start(connection)
    last = _complete(connection) - 1
    for some in statements.batched(tuple(incidents)):
        found = connection.scalar(_first.where(journal.c.incident.in_(some), journal.c.seq > begin[0]))
        last = last if found is None else min(last, found - 1)
    if last <= begin[0]:
        return begin
    between = journal.c.seq.between(begin[0] + 1, last)
    younger = select(journal.c.seq).where(between, journal.c.time >= instant(before)).order_by(journal.c.seq).limit(1)
    found = connection.scalar(younger)
    return _place(connection, last if found is None else found - 1) or begin


def release(connection: Connection) -> None:
    """Move the journal's beginning to where its last record of kind `dropped` says that it is.

    Raises `JournalError` where that record is about nothing, or about more than a checkpoint stands in for.
    """
    said = mark(connection, "dropped")
    if said is None or said["data"]["until"] <= statements.start(connection)[0]:
        return
    until: Head = (said["data"]["until"], said["data"]["hash"])
    if _place(connection, until[0]) != until or until[0] >= _complete(connection):
        raise JournalError(
            f"record {said['seq']} says that the records up to {until[0]} are dropped, but it names another record, or "
            "no checkpoint stands in for them: nothing was dropped. See `remediator audit verify`"
        )
    connection.execute(_move, {"seq": until[0], "hash": until[1]})


def sweep(connection: Connection, limit: int) -> int:
    """Delete up to `limit` of the rows that are before the journal's beginning, and answer how many."""
    begin, first = statements.start(connection), connection.scalar(_first)
    if first is None or first > begin[0]:
        return 0
    until = min(begin[0], first + limit - 1)
    return connection.execute(delete(journal).where(journal.c.seq <= until)).rowcount


def _of(kind: str) -> Select[int]:
    """Records of a kind; said so that the database finds the index."""
    return select(journal.c.seq).where(journal.c.kind == literal_column(f"'{kind}'"))


def _complete(connection: Connection) -> int:
    """The first record of the last complete checkpoint; 0 where there is none."""
    line = mark(connection, "checkpoint")
    while line is not None and not line["data"]["first"]:
        line = mark(connection, "checkpoint", line["seq"])
    return line["data"]["first"] if line else 0


def _place(connection: Connection, seq: int) -> Head | None:
    row = connection.execute(select(journal.c.seq, journal.c.hash).where(journal.c.seq == seq)).one_or_none()
    return (row[0], row[1]) if row else None
