"""The journal in a PostgreSQL database: several processes take payloads, the one in charge appends, any may look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, Engine, create_engine

from remediator.journal import postgres_schema, statements
from remediator.journal.database import DatabaseJournal, Reading
from remediator.journal.tally import SharedTally
from remediator.ports import Broken, JournalError

PASSWORD_FILE = "password_file"
"""Parameter of a journal's URL that names the file with the password. Ours: libpq knows none of the kind."""

_DEFAULTS = {
    "application_name": "remediator",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds; without it a write into a cut network hangs for a quarter of an hour
}
"""Parameters of libpq where the URL says nothing."""

_SESSION = {"statement_timeout": "30s", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "10s"}
"""Settings of each session: a peer that vanished in a transaction must not hold the others up for longer."""

_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = ANY(%s)"
_TOO_WEAK = ["off", "local"]  # whatever the server's setting: an answer of 200 means kept

_PRIMARY = "name the primary, or all hosts with target_session_attrs=read-write"
_REMEDIES = {
    "53100": ("its disk is full", "free space on the server; the service goes on by itself"),
    "53300": ("it has no connection left", "raise max_connections or end other sessions"),
    "25006": ("it takes no writes: it is a standby", _PRIMARY),
    "57014": ("it took too long", "see what the server is busy with"),
    "55P03": ("another session holds it locked", "see pg_locks for what does not end its transaction"),
    "42501": ("this role may not", "grant it the tables, or CREATE on the schema where they have to be made"),
    "42P01": ("its tables are gone", "restore the database from a copy, or name another one"),
    "3D000": ("there is no such database", "create it: createdb NAME"),
    "23505": ("a record was not appended at its end", "stop whatever else writes to it"),
    "P0001": ("it does not allow that", "stop whatever else writes to it"),
    "28": ("it refuses the login", "see database, role, storage.password_file, and the server's pg_hba.conf"),
    "57": ("it is shutting down or starting", "nothing: the service goes on by itself when it is back"),
    "08": ("it cannot be reached", "see that the server runs and that the network lets this machine through"),
}  # fmt: skip
"""By SQLSTATE or its class."""


def open_journal(url: str, *, alone: bool = False) -> DatabaseJournal:
    """The journal in a database, whose tables are made where there are none and brought up to date where they are old.

    Raises `JournalError` where that is impossible or the tables are newer than this program, `Broken` where the last
    records do not hold: nothing is appended to such a journal. With `alone` nobody else may have it open to write.
    """
    place = place_of(url)
    explain = _explainer(place)
    writing = _engine(lambda: _writing(url, alone), 1)
    try:
        with writing.begin() as connection:
            postgres_schema.make(connection, place)
            _check_tail(connection, place)
    except Exception as error:
        writing.dispose()
        raise explain(error) from error
    return DatabaseJournal(writing, _engine(lambda: _reading(url), 2), explain, tally=SharedTally())


@contextmanager
def open_reading(url: str) -> Iterator[Reading]:
    """The journal in a database, to look at; `JournalError` where there is none. Never writes to it."""
    place = place_of(url)
    explain = _explainer(place)
    engine = _engine(lambda: _reading(url), 1)
    try:
        with engine.begin() as connection:
            postgres_schema.version(connection, place)
        yield Reading(engine, explain, statements.start)
    except JournalError:
        raise
    except Exception as error:
        raise explain(error) from error
    finally:
        engine.dispose()


def place_of(url: str) -> str:
    """The database that a URL names, without the name and password of a user; `JournalError` where it names none."""
    try:
        told = conninfo_to_dict(_of_libpq(url)[0])
    except psycopg.Error as error:
        raise JournalError(
            "storage.url names no PostgreSQL database; right is postgresql://user@host:5432/database"
        ) from error
    host, port = str(told.get("host", "localhost")), str(told.get("port", "5432"))
    return f"postgresql://{host}:{port}/{told.get('dbname', '')}"


def _of_libpq(url: str) -> tuple[str, str]:
    """The URL as libpq takes it, and the file that holds the password."""
    before, _, query = url.partition("?")
    given = [each for each in query.split("&") if each]
    file = "".join(each.partition("=")[2] for each in given if each.startswith(f"{PASSWORD_FILE}="))
    kept = "&".join(each for each in given if not each.startswith(f"{PASSWORD_FILE}="))
    return (f"{before}?{kept}" if kept else before), unquote(file)


def _engine(opened: Callable[[], psycopg.Connection[Any]], size: int) -> Engine:
    return create_engine("postgresql+psycopg://", creator=opened, pool_size=size, max_overflow=0)


def _writing(url: str, alone: bool) -> psycopg.Connection[Any]:
    connection = _connected(url)
    try:
        with connection.transaction():
            if connection.execute("SHOW transaction_read_only").fetchone() == ("on",):
                raise psycopg.errors.ReadOnlySqlTransaction("transaction_read_only is on")
            connection.execute(_DURABLE, (_TOO_WEAK,))
            postgres_schema.claim(connection, alone=alone, place=place_of(url))
    except BaseException:
        connection.close()
        raise
    return connection


def _reading(url: str) -> psycopg.Connection[Any]:
    """A connection whose every transaction sees one instant, and may write nothing."""
    connection = _connected(url)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


def _connected(url: str) -> psycopg.Connection[Any]:
    """A new connection; the password is read anew each time, so that it may change."""
    conninfo, file = _of_libpq(url)
    told: dict[str, Any] = {**_DEFAULTS, **conninfo_to_dict(conninfo)}
    if file:
        told["password"] = _password(Path(file))
    connection = psycopg.connect(**told)
    with connection.transaction():
        for name, value in _SESSION.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    return connection


def _password(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise JournalError(f"storage.password_file {file} cannot be read: {why}") from error


def _check_tail(connection: Connection, place: str) -> None:
    try:
        statements.check_tail(connection)
    except Broken as error:
        raise Broken(
            f"{place}: {error}. Nothing is appended to a journal that does not hold: see `remediator audit verify "
            f"--db {place}`, restore it from a copy, or name another database",
            seq=error.seq,
        ) from error


def _explainer(place: str) -> Callable[[Exception], Exception]:
    """What a failure of this database means and what to do; errors that are no database's are given back as they are.

    Only the server's primary message is told: its details may quote what was to be written.
    """

    def explain(error: Exception) -> Exception:
        cause: Any = getattr(error, "orig", None) or error
        if not isinstance(cause, psycopg.Error):
            return error
        state = cause.sqlstate or _of_connection(str(cause))
        wrong, remedy = _REMEDIES.get(state) or _REMEDIES.get(state[:2]) or ("it refuses", "see the reason given")
        reason = cause.diag.message_primary or str(cause).splitlines()[0]
        failure = JournalError(f"the journal {place}: {wrong} ({cause.sqlstate or 'no session'}: {reason}); {remedy}")
        failure.__cause__ = error
        return failure

    return explain


def _of_connection(message: str) -> str:
    """The class of SQLSTATE that a connection failed with, which libpq does not tell; who was answered reads FATAL."""
    starting = "starting up" in message or "shutting down" in message or "recovery" in message
    return "57" if starting else "28" if "FATAL:" in message else "08"
