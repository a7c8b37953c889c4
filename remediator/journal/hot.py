"""Statements that are asked all the time: with SQLite compiled once and given to the driver as they are.

What SQLAlchemy does around each of them takes ten times as long as SQLite does; with another database the round trip
to it takes longer than both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Select, Update

TOGETHER = 64
"""Rows in one statement at most."""


class Hot:
    """A statement whose values are plain numbers, texts and bytes, by the names of its columns or parameters."""

    def __init__(
        self, statement: Insert | Update | Delete | Select[*tuple[Any, ...]], names: Sequence[str] = ()
    ) -> None:
        self._statement, self._names = statement, names
        self._compiled: tuple[str, Sequence[str]] | None = None

    def run(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Carry it out. Raises errors of the driver, with or without SQLAlchemy's around them, as all of these do."""
        if _is_sqlite(connection):
            self._together(connection, (values,))
        else:
            connection.execute(self._statement, dict(values))

    def run_for_each(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Carry an insertion out with the values of each row."""
        if not _is_sqlite(connection):
            connection.execute(self._statement, [dict(row) for row in rows])
            return
        for begin in range(0, len(rows), TOGETHER):
            self._together(connection, rows[begin : begin + TOGETHER])

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """Carry it out; the rows that it gives back."""
        if not _is_sqlite(connection):
            return connection.execute(self._statement, dict(values)).fetchall()
        return self._together(connection, (values,)).fetchall()

    def keys(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Carry an insertion out with the values of each row; the number that each was given, in their order.

        SQLite numbers the rows of a statement upwards as they stand in it, but answers them in an order that it does
        not promise.
        """
        if not _is_sqlite(connection):  # where the statement is to say that it keeps their order
            return list(connection.execute(self._statement, [dict(row) for row in rows]).scalars())
        found: list[int] = []
        for begin in range(0, len(rows), TOGETHER):
            found += sorted(key for (key,) in self._together(connection, rows[begin : begin + TOGETHER]).fetchall())
        return found

    def _together(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Any:
        """One statement with the values of all rows: between two statements the driver gives the interpreter away, and
        has to wait for it again.
        """
        text, order = self._text(connection)
        if len(rows) > 1:
            places = f"({', '.join('?' * len(order))})"
            text = text.replace(places, ", ".join([places] * len(rows)), 1)
        return driver(connection).execute(text, [row[name] for row in rows for name in order])

    def _text(self, connection: Connection) -> tuple[str, Sequence[str]]:
        """The statement's text, and the order of its values."""
        if self._compiled is None:
            made: Any = self._statement.compile(dialect=connection.dialect, column_keys=list(self._names) or None)
            self._compiled = made.string, made.positiontup
        return self._compiled


def driver(connection: Connection) -> Any:
    """The driver's own connection, within the transaction that has begun."""
    return connection.connection.driver_connection


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
