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

_FORMS = "sqlite:///relative/path.db, sqlite:////absolute/path.db, or memory: (forgotten at the end)"


def connect(url: str) -> Journal:
    """Open the journal that a URL names, making it where it is not there yet.

    Three slashes begin a path relative to the working folder, four an absolute one. Raises `JournalError` for any
    other URL, and where the journal cannot be opened or its end does not hold.
    """
    if url == "memory:":
        from remediator.journal.memory import MemoryJournal

        return MemoryJournal()
    path = _path(url)
    from remediator.journal.sqlite import open_journal

    return open_journal(path)


def reading(url: str) -> AbstractContextManager[Reading]:
    """Open the journal that a URL names to look at it, also while a service writes to it or where it is broken.

    Raises `JournalError` where there is none.
    """
    if url == "memory:":
        raise JournalError("a journal in memory cannot be looked at from outside: ask the running service's API")
    path = _path(url)
    from remediator.journal.sqlite import open_reading

    return open_reading(path)


def _path(url: str) -> Path:
    scheme, slashes, path = url.partition(":///")
    if scheme != "sqlite" or not slashes or not path or "?" in path or path == ":memory:":
        raise JournalError(f"storage.url {_without_secret(url)!r} names no journal; right are {_FORMS}")
    return Path(path).absolute()


def _without_secret(url: str) -> str:
    """The URL without what may be a user's name and password."""
    before, at, after = url.rpartition("@")
    return f"{before.partition('://')[0]}://…@{after}" if at else url
