"""Records on their way out of the journal: written to a file and read back before anything is dropped."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from remediator.journal.canonical import Line
from remediator.journal.chain import Head
from remediator.journal.export import read, write_jsonl
from remediator.journal.verification import ends_at, verify
from remediator.ports import JournalError


def name_of(after: Head) -> str:
    """The name of the file whose records begin behind a place: such names sort as their records do."""
    return f"journal-{after[0] + 1:012}.jsonl"


class Archive:
    """A file of JSON lines for its owner alone, there under its name once it is whole and verified, and not before.

    Another file of that name is replaced where `replace` is given, and otherwise refused. All methods raise
    `JournalError` where the file cannot be written, and `Broken` where it does not hold.
    """

    def __init__(self, path: Path, after: Head, *, replace: bool = False) -> None:
        self.path, self._after, self._replace = path, after, replace
        self._partial = path.with_name(f"{path.name}.partial")
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._demand_free()
            descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            self._file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")

    def add(self, lines: Iterable[Line]) -> None:
        """Write some more lines."""
        with self._told():
            write_jsonl(lines, self._file)

    def finish(self, head: Head) -> None:
        """Make it durable, read it back, and give it its name; `head` is its last record."""
        with self._told():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            with open(self._partial, encoding="utf-8", newline="") as written:
                ends_at(verify(read(written), after=self._after), head)
            self._demand_free()
            os.replace(self._partial, self.path)
            _sync(self.path.parent)

    def abandon(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            os.unlink(self._partial)

    def _demand_free(self) -> None:
        if self.path.exists() and not self._replace:
            raise JournalError(f"{self.path} is there already; nothing was dropped. Name a new file")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise JournalError(
                f"the archive {self.path} cannot be written: {error.strerror}; nothing was dropped. Make room, or make "
                "its folder writable for this user"
            ) from error


def _sync(folder: Path) -> None:
    """Names are durable when their folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
