"""The journal's tables in PostgreSQL: made and brought up to date by migrations, known, and guarded by locks."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg
from sqlalchemy import Connection, inspect, select, text

from remediator.journal.tables import SCHEMA_VERSION, journal, schema_version
from remediator.ports import JournalError

OLDEST = 2
"""The first version that was ever made in PostgreSQL."""

_OPEN, _MAKING = 0x72656D31, 0x72656D32
"""Numbers of advisory locks, any that nobody else uses: on the journal being open, and on making its tables."""

_CLAIMS: dict[bool, tuple[LiteralString, str]] = {
    False: ("SELECT pg_try_advisory_lock_shared(%s)", "its records are being archived: wait"),
    True: ("SELECT pg_try_advisory_lock(%s)", "a remediator has it open: stop that one first"),
}


def claim(connection: psycopg.Connection[Any], *, alone: bool, place: str) -> None:
    """Say for as long as this session lasts that the journal is in use, by many or by one `alone`."""
    statement, refused = _CLAIMS[alone]
    row = connection.execute(statement, (_OPEN,)).fetchone()
    if row is None or not row[0]:
        raise JournalError(f"{place}: {refused}")


def make(connection: Connection, place: str) -> None:
    """The tables as this program writes them: made where there are none, brought up to date where they are older.

    Of several processes that start at once one does it, the others wait. Migrations are imported only where needed.
    """
    connection.execute(select(text(f"pg_advisory_xact_lock({_MAKING})")))
    is_there = journal.name in inspect(connection).get_table_names()
    if is_there and version(connection, place) == SCHEMA_VERSION:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "remediator.journal:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def version(connection: Connection, place: str) -> int:
    """The tables' version; `JournalError` where it cannot be read by this program, or there are no such tables."""
    tables = inspect(connection).get_table_names()
    if schema_version.name not in tables or journal.name not in tables:
        raise JournalError(f"{place}: there is no journal in this database. See that its name is right")
    found = connection.execute(select(schema_version.c.version)).scalars().all()
    if len(found) != 1 or not OLDEST <= found[0] <= SCHEMA_VERSION:
        raise JournalError(
            f"{place}: the journal's schema is version {', '.join(map(str, found)) or 'unknown'}, this program knows "
            f"version {SCHEMA_VERSION}. Run the remediator that wrote it, or a newer one"
        )
    return found[0]
