"""The journal: the append-only, hash-chained table of events that all state is a fold of, and the inbox beside it.

`connect` opens it for the service, `reading` for whoever looks at it from outside. Databases are imported only then.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from remediator.ports import Journal, JournalError

if TYPE_CHECKING:
    from remediator.journal.database import Reading

_FORMS = (
    "sqlite:///var/lib/remediator/journal.db (from the root), sqlite:///./journal.db (from here), "
    "postgresql://user@host:5432/database, memory: (not kept)"
)


_POSTGRESQL = ("postgresql://", "postgres://")


def connect(url: str, *, alone: bool = False) -> Journal:
    """Open the journal that a URL names, making it where it is not there yet; `alone`: nobody else may have it open.

    The path of `sqlite:///path` begins at the root, as in `file:///path`, whether three slashes stand before it or
    four; one that begins with `./` or `../` begins at the working folder. A single name may be read as either and is
    refused. `postgresql://` is as libpq takes it, with `password_file=PATH` among its parameters for a password. Raises
    `JournalError` for any other URL, and where the journal cannot be opened or its end does not hold.
    """
    if url == "memory:":
        from remediator.journal.memory import MemoryJournal

        return MemoryJournal()
    if url.startswith(_POSTGRESQL):
        from remediator.journal import postgres

        return postgres.open_journal(url, alone=alone)
    path = _path(url)
    from remediator.journal.sqlite import open_journal

    return open_journal(path, alone=alone)


def reading(url: str) -> AbstractContextManager[Reading]:
    """Open the journal that a URL names to look at it, also while a service writes to it or where it is broken.

    Raises `JournalError` where there is none.
    """
    if url == "memory:":
        raise JournalError("a journal in memory cannot be looked at from outside: ask the running service's API")
    if url.startswith(_POSTGRESQL):
        from remediator.journal import postgres

        return postgres.open_reading(url)
    path = _path(url)
    from remediator.journal.sqlite import open_reading

    return open_reading(path)


def _path(url: str) -> Path:
    scheme, _, path = url.partition(":///")
    if scheme != "sqlite" or "/" not in path or path.endswith("/") or "?" in path:
        raise JournalError(f"{_without_secret(url)!r} names no journal; right are {_FORMS}")
    return Path(path if path.startswith(("./", "../")) else f"/{path.lstrip('/')}").absolute()


def _without_secret(url: str) -> str:
    """The URL without what may be a user's name and password."""
    before, at, after = url.rpartition("@")
    return f"{before.partition('://')[0]}://…@{after}" if at else url
