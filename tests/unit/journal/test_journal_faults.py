"""The SQLite journal when the disk, the file or another process does not do its part: closed, told, nothing half."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from remediator.core.events import Event, Leader
from remediator.journal import connect, reading
from remediator.journal.database import Reading
from remediator.journal.sqlite import open_journal
from remediator.ports import Broken, Journal, JournalError

from .conftest import LENGTH, NOW, listening, program, rows


def pragma(setting: str) -> Callable[[sqlite3.Connection, Any], None]:
    """A fault that SQLite itself can play, set on each new connection."""
    return lambda connection, _: connection.execute(f"PRAGMA {setting}") and None


async def refused(journal: Journal, path: Path, message: str) -> None:
    """Neither an append nor a payload is taken, both say why, and nothing half is left."""
    count = "SELECT (SELECT count(*) FROM journal), (SELECT seq FROM journal_head), (SELECT count(*) FROM inbox)"
    before = rows(path, count)
    head = await journal.head()
    with pytest.raises(JournalError, match=message):
        await journal.append([Event(NOW, Leader(n, "x" * 3000)) for n in range(50)], after=head[0], consume=[1])
    with pytest.raises(JournalError, match=message):
        await journal.receive("alertmanager", b"x" * 100_000, NOW)
    assert rows(path, count) == before


async def goes_on(journal: Journal) -> None:
    seq, _ = await journal.head()
    await journal.append([Event(NOW, Leader(1, "a"))], after=seq)
    await journal.receive("alertmanager", b"{}", NOW)


async def test_a_full_disk_takes_nothing_and_says_so(path: Path):
    with listening("connect", pragma("max_page_count=20")):
        journal = connect(f"sqlite:///{path}")
        await journal.receive("alertmanager", b"small", NOW)
        await refused(journal, path, r"journal.db: its disk is full \(SQLITE_FULL.*free space")
    await goes_on(journal)  # the failed connection was given up, the next one has room
    await journal.close()


async def test_a_full_inbox_is_emptied_by_consuming_it(path: Path):
    with listening("connect", pragma("max_page_count=30")):
        journal = connect(f"sqlite:///{path}")
        answers = [await outcome(journal.receive("alertmanager", b"x" * 4000, NOW)) for _ in range(50)]
        taken = [answer for answer in answers if isinstance(answer, int)]
        assert 0 < len(taken) < 50
        assert all("disk is full" in str(answer) for answer in answers if answer not in taken)
        assert [receipt.id for receipt in await journal.waiting()] == taken
        await journal.append([], after=LENGTH, consume=taken)
        await goes_on(journal)
        await journal.close()


async def outcome(asked: Awaitable[int]) -> int | JournalError:
    try:
        return await asked
    except JournalError as error:
        return error


async def test_a_database_that_another_holds_locked_takes_nothing_and_says_so(path: Path):
    journal = open_journal(path, busy_timeout=0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    await refused(journal, path, r"another process holds it locked.*only one remediator may write")
    holder.execute("COMMIT")
    holder.close()
    await goes_on(journal)
    await journal.close()


async def test_a_read_only_database_takes_nothing_and_says_so(path: Path):
    opened: list[sqlite3.Connection] = []
    with listening("connect", lambda connection, _: opened.append(connection)):
        journal = connect(f"sqlite:///{path}")
    opened[0].execute("PRAGMA query_only=ON")
    with listening("connect", pragma("query_only=ON")):
        await refused(journal, path, r"it is read-only.*make the volume, the folder and the file writable")
    await goes_on(journal)
    await journal.close()


def test_a_read_only_database_is_not_opened(path: Path):
    with listening("connect", pragma("query_only=ON")), pytest.raises(JournalError, match="it is read-only"):
        connect(f"sqlite:///{path}")


async def test_a_file_that_is_moved_away_takes_nothing_and_says_so(path: Path):
    """SQLite would go on writing to a file that no restart finds again."""
    journal = connect(f"sqlite:///{path}")
    move(path, path.with_suffix(".away"))
    for asked in (journal.receive("alertmanager", b"{}", NOW), journal.append([Event(NOW, Leader(1, "a"))], after=7)):
        with pytest.raises(JournalError, match="was moved, replaced or deleted"):
            await asked
    move(path.with_suffix(".away"), path)
    await goes_on(journal)
    await journal.close()


def move(path: Path, to: Path) -> None:
    path.rename(to)


LIMITED = """
    import asyncio, resource, signal, sys
    from datetime import UTC, datetime
    from remediator.journal import connect
    from remediator.ports import JournalError

    NOW = datetime(2026, 8, 1, tzinfo=UTC)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    async def main():
        journal = connect(sys.argv[1])
        await journal.receive("alertmanager", b"before", NOW)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        try:
            await journal.receive("alertmanager", b"x" * 300_000, NOW)
        except JournalError as error:
            print(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await journal.receive("alertmanager", b"after", NOW)
        await journal.close()

    asyncio.run(main())
"""


def test_a_disk_that_fails_in_the_middle_of_a_commit_leaves_nothing_half(tmp_path: Path):
    path = tmp_path / "journal.db"
    done = program(LIMITED, f"sqlite:///{path}")
    assert done.returncode == 0, done.stderr
    assert "its disk fails (SQLITE_IOERR_WRITE" in done.stdout
    assert rows(path, "SELECT body FROM inbox") == [(b"before",), (b"after",)]


async def damaged_in_the_middle(path: Path, damage: Callable[[Path, bytes], None]) -> None:
    journal = connect(f"sqlite:///{path}")
    await journal.append([Event(NOW, Leader(n, f"leader-{n} " + "x" * 500)) for n in range(300)], after=LENGTH)
    await journal.close()
    damage(path, b"leader-100 ")


def overwrite_page(path: Path, holding: bytes) -> None:
    content = bytearray(path.read_bytes())
    start = content.index(holding) // 4096 * 4096
    content[start : start + 4096] = b"\xff" * 4096
    path.write_bytes(content)


async def test_damage_is_told_and_the_records_before_it_are_still_given(path: Path):
    await damaged_in_the_middle(path, overwrite_page)
    with reading(f"sqlite:///{path}") as book:
        given = []
        with pytest.raises(Broken, match=r"cannot be read.*it is damaged") as found:
            given.extend(numbers(book))
        with pytest.raises(Broken) as verified:
            book.verify()
    assert 90 < len(given) < 108
    assert given == list(range(1, len(given) + 1))
    assert found.value.seq == verified.value.seq == len(given) + 1


async def test_a_service_that_meets_damage_says_what_to_do(path: Path):
    await damaged_in_the_middle(path, overwrite_page)
    journal = connect(f"sqlite:///{path}")  # its end holds
    with pytest.raises(JournalError, match=r"it is damaged.*restore it from a copy"):
        await journal.read()
    await journal.close()


def numbers(book: Reading) -> Iterator[int]:
    return (line["seq"] for line in book.lines())
