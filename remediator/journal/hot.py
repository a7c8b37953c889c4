"""Statements that are asked all the time: compiled once for each dialect, and given to the driver as they are.

What SQLAlchemy does around each of them takes ten times as long as the database does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.elements import ClauseElement


class Hot:
    """A statement whose values are plain numbers, texts and bytes, by the names of its columns or parameters."""

    def __init__(self, statement: ClauseElement, names: Sequence[str] = ()) -> None:
        self._statement, self._names = statement, names
        self._compiled: dict[str, tuple[str, Sequence[str] | None]] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Carry it out. Raises the driver's own errors, as all of these do."""
        text, order = self._text(connection)
        driver(connection).execute(text, _ordered(values, order))

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Carry it out; the rows that it gives back."""
        text, order = self._text(connection)
        return driver(connection).execute(text, _ordered(values, order)).fetchall()

    def run_for_each(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Carry it out with the values of each row."""
        text, order = self._text(connection)
        driver(connection).cursor().executemany(text, [_ordered(row, order) for row in rows])

    def _text(self, connection: Connection) -> tuple[str, Sequence[str] | None]:
        """The statement's text, and the order of its values where the driver goes by that."""
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            made = self._statement.compile(dialect=dialect, column_keys=list(self._names) or None)
            self._compiled[dialect.name] = made.string, getattr(made, "positiontup", None)
        return self._compiled[dialect.name]


def driver(connection: Connection) -> Any:
    """The driver's own connection, within the transaction that has begun."""
    return connection.connection.driver_connection


def _ordered(values: Mapping[str, Any], order: Sequence[str] | None) -> Any:
    return values if order is None else [values[name] for name in order]
