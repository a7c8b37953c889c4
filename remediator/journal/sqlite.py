"""The journal in an SQLite file on a local volume: one process writes, any may look."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event

from remediator.journal import sqlite_schema, statements
from remediator.journal.chain import START
from remediator.journal.database import Damaged, DatabaseJournal, Reading
from remediator.journal.hot import driver
from remediator.journal.recent import Recent
from remediator.ports import Broken, JournalError

BUSY_TIMEOUT = 5.0
"""Seconds that a write waits for another process's lock before it fails."""

_BUSY_PAUSE = 0.01

_WRITING = ("synchronous=FULL", "recursive_triggers=ON", "journal_size_limit=67108864", "secure_delete=OFF")
"""Debian's SQLite overwrites what is deleted: each payload of the inbox would be written twice. The journal keeps what
alerts say anyway.
"""
_READING = ("query_only=ON",)

_DAMAGED = "restore it from a copy, or move it away (keep it) and begin a new one; `remediator audit verify` says more"
_REMEDIES = {
    "SQLITE_FULL": ("its disk is full", "free space on the volume or enlarge it; the service goes on by itself"),
    "SQLITE_BUSY": ("another process holds it locked", "only one remediator may write to an SQLite file; `fuser` finds"
                    " the other one"),
    "SQLITE_READONLY": ("it is read-only", "make the volume, the folder and the file writable for this user"),
    "SQLITE_CANTOPEN": ("it cannot be opened", "see that the file is there and that this user may read and write it"
                        " and its folder"),
    "SQLITE_PERM": ("access is denied", "make the folder and the file writable for this user"),
    "SQLITE_IOERR": ("its disk fails", "see the kernel's log; check the volume and its quota"),
    "SQLITE_CORRUPT": ("it is damaged", _DAMAGED),
    "SQLITE_NOTADB": ("it is not an SQLite file, or is damaged", _DAMAGED),
    "SQLITE_CONSTRAINT": ("a record was not appended at its end", "stop whatever else writes to it"),
}  # fmt: skip


def open_journal(path: Path, *, busy_timeout: float = BUSY_TIMEOUT, alone: bool = False) -> DatabaseJournal:
    """The journal in a file, which is made, with its folder, where it is not there yet.

    Raises `JournalError` where that is impossible, where the schema is newer than this program, and `Broken` where
    the last records do not hold: nothing is appended to such a journal. With `alone` nobody else may have it open.
    """
    _make_file(path)
    release = _claimed(path, alone)
    identity = _identity(path)
    explain = _explainer(path)
    writing = _engine(path, "rw", _WRITING, "BEGIN IMMEDIATE", busy_timeout, pool_size=1)
    begin = partial(_transaction, path, identity)
    try:
        with writing.begin() as connection:
            sqlite_schema.make(connection, path)
            _check_tail(connection, path)
    except Exception as error:
        writing.dispose()
        release()
        raise explain(error) from error
    reading = _engine(path, "rw", _READING, "BEGIN", busy_timeout, pool_size=2)
    return DatabaseJournal(writing, reading, explain, release, recent=Recent(), begin=begin)


@contextmanager
def open_reading(path: Path) -> Iterator[Reading]:
    """The journal in a file, to look at; `JournalError` where there is none. Never writes to it."""
    if not path.is_file():
        raise JournalError(f"{path}: there is no journal. See that the path is right")
    explain = _explainer(path)
    engine = _engine(path, "ro", _READING, "BEGIN", BUSY_TIMEOUT, pool_size=1)
    try:
        with engine.begin() as connection:
            version = sqlite_schema.version(connection, path)
        yield Reading(engine, explain, (lambda _: START) if version == 1 else statements.start)
    except JournalError:
        raise
    except Exception as error:
        raise explain(error) from error
    finally:
        engine.dispose()


def _engine(path: Path, mode: str, pragmas: tuple[str, ...], begin: str, busy: float, *, pool_size: int) -> Engine:
    """An engine whose transactions begin as said; the driver's own idea of transactions is switched off."""

    def opened() -> sqlite3.Connection:
        return _connection(path, mode, pragmas, busy)

    engine = create_engine("sqlite://", creator=opened, poolclass=QueuePool, pool_size=pool_size, max_overflow=0)
    event.listen(engine, "begin", lambda connection: _begin(driver(connection), begin))
    return engine


def _begin(connection: sqlite3.Connection, statement: str) -> None:
    """Begin a transaction, unless `_transaction` has."""
    if not connection.in_transaction:
        connection.execute(statement)


@contextmanager
def _transaction(path: Path, identity: tuple[int, int], connection: Connection) -> Iterator[None]:
    """A transaction for writing, begun and ended by the driver: SQLAlchemy's account of it costs as much as all of its
    statements. To SQLAlchemy the connection is in one transaction all the time.
    """
    _same_file(path, identity)
    plain: sqlite3.Connection = driver(connection)
    plain.execute("BEGIN IMMEDIATE")
    try:
        yield
        plain.commit()
    except BaseException:
        plain.rollback()
        raise


def _connection(path: Path, mode: str, pragmas: tuple[str, ...], busy: float) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=busy, isolation_level=None, check_same_thread=False)
    connection.text_factory = _text
    try:
        if pragmas == _WRITING:
            _write_ahead(connection, path, busy)
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


_text = partial(str, encoding="utf-8", errors="surrogateescape")  # bytes that are no text are for `verify` to tell


def _write_ahead(connection: sqlite3.Connection, path: Path, busy: float) -> None:
    """Keep a write-ahead log. SQLite does not wait for others when it changes to one: what is tried again here."""
    mode = _patient(lambda: connection.execute("PRAGMA journal_mode=WAL").fetchone()[0], busy)
    if mode != "wal":
        raise JournalError(
            f"{path}: its file system cannot keep SQLite's write-ahead log (mode is {mode!r}). Put the journal on a "
            "local volume, not on a network share"
        )


def _patient(attempt: Callable[[], str], seconds: float) -> str:
    """What ``attempt`` answers, tried again for ``seconds`` while another process holds the file."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_BUSY_PAUSE)


def _make_file(path: Path) -> None:
    """The file, for its owner alone: alerts and objects in it may tell more than everybody should read."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise _not_there(path, error) from error


def _not_there(path: Path, error: OSError) -> JournalError:
    return JournalError(
        f"{path}: the journal cannot be made there: {error.strerror} ({error.filename}). Make the folder writable "
        "for this user, or name another place in storage.url"
    )


def _claimed(path: Path, alone: bool) -> Callable[[], None]:
    """Say on a file beside it that the journal is in use, by many or by one `alone`; answers how to say the contrary.

    The database's own locks cannot say it: they last for one transaction.
    """
    try:
        descriptor = os.open(path.with_name(f"{path.name}-lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _not_there(path, error) from error
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        who = "a remediator has it open: stop that one first" if alone else "its records are being archived: wait"
        raise JournalError(f"{path}: {who}") from error
    return partial(os.close, descriptor)


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _same_file(path: Path, identity: tuple[int, int]) -> None:
    """An open file that was moved or deleted takes writes that nobody finds again: refuse them."""
    try:
        same = _identity(path) == identity
    except OSError:
        same = False
    if not same:
        raise JournalError(f"{path}: the journal's file was moved, replaced or deleted. Put it back and start again")


def _check_tail(connection: Connection, path: Path) -> None:
    try:
        statements.check_tail(connection)
    except Broken as error:
        raise Broken(
            f"{path}: {error}. Nothing is appended to a journal that does not hold: see `remediator audit verify "
            f"--db sqlite:///{path}`, restore it from a copy, or move it away (keep it) and begin a new one",
            seq=error.seq,
        ) from error


def _explainer(path: Path) -> Callable[[Exception], Exception]:
    """What a failure of this file means and what to do; errors that are no database's are given back as they are."""

    def explain(error: Exception) -> Exception:
        cause: Any = getattr(error, "orig", None) or error
        if not isinstance(cause, sqlite3.Error):
            return error
        name = getattr(cause, "sqlite_errorname", "") or "SQLITE_ERROR"
        code = "_".join(name.split("_")[:2])
        wrong, remedy = _REMEDIES.get(code, ("SQLite refuses", "see the reason given"))
        made = Damaged if code in ("SQLITE_CORRUPT", "SQLITE_NOTADB") else JournalError
        failure = made(f"the journal {path}: {wrong} ({name}: {cause}); {remedy}")
        failure.__cause__ = error
        return failure

    return explain
