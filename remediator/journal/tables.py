"""The journal's tables, the same in every database.

Imported only where a database is opened: SQLAlchemy is slow to load. So is a dialect: `marked_in` is told which.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, text

SCHEMA_VERSION = 3
"""Raised with each change that an older program could not read or would write wrongly."""

metadata = MetaData()

MARKS = ("checkpoint", "dropped")
"""Kinds that are looked for by their kind: each has an index of its own, which costs other records nothing."""

_number = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by INTEGER alone


journal = Table(
    "journal",
    metadata,
    Column("seq", _number, primary_key=True, autoincrement=False),
    Column("time", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("target", Text),
    Column("mode", Text),
    Column("actor", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("prev", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("journal_incident", "incident", "seq"),
    *(Index(f"journal_{kind}", "seq") for kind in MARKS),
)
"""One row a line; `target` and `data` are JSON."""

journal_head = Table(
    "journal_head",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("seq", _number, nullable=False),
    Column("hash", Text, nullable=False),
)
"""One row: the last record's place. Whoever appends locks it; it tells a tail that was cut off or written on."""

journal_start = Table(
    "journal_start",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("seq", _number, nullable=False),
    Column("hash", Text, nullable=False),
)
"""One row: the place before the first record, `(0, "")` or that of the last one dropped. Rows up to it are left."""

inbox = Table(
    "inbox",
    metadata,
    Column("id", _number, primary_key=True),
    Column("received_at", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice, also after its payload was consumed
)
"""Payloads that were acknowledged and not yet consumed by an append."""

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True, autoincrement=False))
"""One row: the version of these tables."""


def marked_in(dialect: str) -> None:
    """Have the indexes of `MARKS` be about records of their kind alone, as that dialect of SQL says it."""
    for index in journal.indexes:
        if (kind := str(index.name).removeprefix("journal_")) in MARKS:
            index.dialect_kwargs[f"{dialect}_where"] = text(f"kind = '{kind}'")
