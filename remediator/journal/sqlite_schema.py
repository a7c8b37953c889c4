"""The journal's tables in an SQLite file: made, known, brought up to date, and guarded against other programs."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select, update

from remediator.journal import statements
from remediator.journal.tables import MARKS, SCHEMA_VERSION, journal, journal_start, marked_in, schema_version
from remediator.ports import JournalError

marked_in("sqlite")

READABLE = range(1, SCHEMA_VERSION + 1)
"""Versions that can be looked at; older ones are brought up to date by whoever opens them to write."""

_TRIGGERS = (
    "CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    "CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal "
    "WHEN OLD.seq > coalesce((SELECT seq FROM journal_start), 0) "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only: only what is before its beginning may go'); END",
    "CREATE TRIGGER journal_in_order BEFORE INSERT ON journal "
    "WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), (SELECT seq FROM journal_start), 0) + 1 FROM journal) "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only: a record follows the last one'); END",
    "CREATE TRIGGER journal_start_moves BEFORE UPDATE ON journal_start "
    "WHEN NEW.seq <= OLD.seq OR NOT EXISTS (SELECT 1 FROM journal WHERE kind = 'dropped' AND seq > NEW.seq "
    "AND json_extract(data, '$.until') = NEW.seq AND json_extract(data, '$.hash') = NEW.hash) "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only: it begins where a record of it says so'); END",
    "CREATE TRIGGER journal_start_stays BEFORE DELETE ON journal_start "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only: it has a beginning'); END",
    "CREATE TRIGGER journal_start_once BEFORE INSERT ON journal_start WHEN EXISTS (SELECT 1 FROM journal_start) "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only: it has one beginning'); END",
)


def make(connection: Connection, path: Path) -> None:
    """The tables as this program writes them: made where there are none, brought up to date where they are older."""
    if inspect(connection).get_table_names():
        found = version(connection, path)
        if found == 1:
            _from_1(connection)
        if found < SCHEMA_VERSION:
            _from_2(connection)
        return
    statements.create(connection)
    _guard(connection)


def version(connection: Connection, path: Path) -> int:
    """The tables' version; `JournalError` where it cannot be read by this program, or they are no journal's."""
    tables = inspect(connection).get_table_names()
    if schema_version.name not in tables or journal.name not in tables:
        raise JournalError(f"{path}: this SQLite file holds something else than a journal. Name another file")
    found = connection.execute(select(schema_version.c.version)).scalars().all()
    if len(found) != 1 or found[0] not in READABLE:
        raise JournalError(
            f"{path}: the journal's schema is version {', '.join(map(str, found)) or 'unknown'}, this program knows "
            f"version {SCHEMA_VERSION}. Run the remediator that wrote it, or a newer one"
        )
    return found[0]


def _from_1(connection: Connection) -> None:
    """Version 2 came with checkpoints, and with a beginning that moves. All of it or nothing: in one transaction."""
    journal_start.create(connection)
    connection.execute(insert(journal_start), {"one": 1, "seq": 0, "hash": ""})
    for index in journal.indexes:
        if index.name in {f"journal_{kind}" for kind in MARKS}:
            index.create(connection)
    _guard(connection)


def _from_2(connection: Connection) -> None:
    """Version 3 came with operators' words in the inbox, and with answers that are `refused`. The tables are the same,
    but an older program would take the ones for alerts and the others for plans that expired.
    """
    connection.execute(update(schema_version), {"version": SCHEMA_VERSION})


def _guard(connection: Connection) -> None:
    for trigger in _TRIGGERS:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger.split()[2]}")
        connection.exec_driver_sql(trigger)
