"""The SQLite journal when all is well: durable before it answers, one commit for many, careful with its file."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remediator.core.events import Event, Leader
from remediator.journal import connect, reading
from remediator.journal.sqlite import open_journal
from remediator.ports import Journal, JournalError

from .conftest import LENGTH, NOW, committing, program, rows

# --- durable ---------------------------------------------------------------------------------------------------------

KILLED_WHEN_ANSWERED = """
    import asyncio, os, signal, sys
    from datetime import UTC, datetime
    from remediator.core.events import Event, Leader
    from remediator.journal import connect

    NOW = datetime(2026, 8, 1, tzinfo=UTC)

    async def main():
        journal = connect(sys.argv[1])
        numbers = await asyncio.gather(*(journal.receive("alertmanager", b"%d" % n, NOW) for n in range(20)))
        records = await journal.append([Event(NOW, Leader(1, "a")), Event(NOW, Leader(2, "b"))], after=0)
        os.write(1, f"{numbers[-1]} {records[-1].seq} {records[-1].hash}".encode())
        os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(main())
"""


@pytest.fixture
def killed(tmp_path: Path) -> str:
    """What a process said of its journal just before it was killed."""
    done = program(KILLED_WHEN_ANSWERED, f"sqlite:///{tmp_path}/journal.db")
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout


async def test_what_was_answered_is_there_after_kill_9(tmp_path: Path, killed: str):
    number, seq, digest = killed.split()
    journal = connect(f"sqlite:///{tmp_path}/journal.db")
    waiting = await journal.waiting()
    assert [receipt.body for receipt in waiting] == [b"%d" % n for n in range(20)]
    assert waiting[-1].id == int(number)
    assert await journal.head() == (int(seq), digest)
    await journal.close()


async def test_every_commit_is_forced_to_the_disk(tmp_path: Path):
    """Without a power cut to try it, what SQLite was told stands for it: WAL, and synchronous=FULL (2)."""
    with committing() as connections:
        journal = connect(f"sqlite:///{tmp_path}/journal.db")
        connections.clear()
        await journal.receive("alertmanager", b"{}", NOW)
        await journal.append([Event(NOW, Leader(1, "a"))], after=0)
    assert [said(each, "PRAGMA journal_mode") for each in connections] == ["wal"] * 2
    assert [said(each, "PRAGMA synchronous") for each in connections] == [2] * 2
    await journal.close()


def said(connection: sqlite3.Connection, pragma: str) -> Any:
    return connection.execute(pragma).fetchone()[0]


# --- group commit ---


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(payloads=st.lists(st.binary(max_size=20), min_size=1, max_size=64))
def test_payloads_that_wait_together_share_one_commit(tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes]):
    path = tmp_path_factory.mktemp("group") / "journal.db"
    commits = asyncio.run(receive_behind_a_lock(path, payloads))
    assert commits <= 2  # that of the first payload to come, and one for all the others
    assert [body for (body,) in rows(path, "SELECT body FROM inbox ORDER BY id")] == payloads


async def receive_behind_a_lock(path: Path, payloads: list[bytes]) -> int:
    """Has all payloads asked for while another connection holds the write lock; answers how many commits they took."""
    holder = sqlite3.connect(path, isolation_level=None)
    with committing() as commits:
        journal = connect(f"sqlite:///{path}")
        holder.execute("BEGIN IMMEDIATE")
        commits.clear()
        asked = [asyncio.ensure_future(receive_and_look(journal, path, body)) for body in payloads]
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in asked)
        holder.execute("COMMIT")
        await asyncio.gather(*asked)
    holder.close()
    await journal.close()
    return len(commits)


async def receive_and_look(journal: Journal, path: Path, body: bytes) -> None:
    number = await journal.receive("alertmanager", body, NOW)
    assert rows(path, f"SELECT body FROM inbox WHERE id = {number}") == [(body,)]  # whoever is answered is committed


async def test_reading_does_not_wait_for_a_writer(path: Path):
    journal = connect(f"sqlite:///{path}")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    writing = asyncio.ensure_future(journal.receive("alertmanager", b"{}", NOW))
    await asyncio.sleep(0.01)
    assert len(await journal.read()) == LENGTH
    assert (await journal.head())[0] == LENGTH
    assert not writing.done()
    holder.execute("COMMIT")
    holder.close()
    await writing
    await journal.close()


async def test_a_reader_that_takes_its_time_does_not_hold_a_writer_up(path: Path):
    journal = connect(f"sqlite:///{path}")
    with reading(f"sqlite:///{path}") as book:
        lines = book.lines()
        next(lines)
        await journal.append([Event(NOW, Leader(3, "a"))], after=LENGTH)
        assert len(list(lines)) >= LENGTH - 1
        assert book.verify().records == LENGTH + 1
    await journal.close()


async def test_whoever_stops_waiting_leaves_the_others_their_answers(path: Path):
    journal = connect(f"sqlite:///{path}")
    asked = [asyncio.ensure_future(journal.receive("alertmanager", b"%d" % n, NOW)) for n in range(3)]
    await asyncio.sleep(0)
    asked[1].cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, asyncio.CancelledError, int]
    await journal.close()


# --- the file ---


async def test_the_folder_and_file_are_made_for_their_owner_alone(tmp_path: Path):
    path = tmp_path / "a" / "b c#%?" / "journal.db"
    journal = open_journal(path)
    await journal.receive("alertmanager", b"{}", NOW)
    for name in ("journal.db", "journal.db-wal"):
        assert (path.parent / name).stat().st_mode & 0o777 == 0o600
    await journal.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=r"file/journal.db: the journal cannot be made there: .*storage.url"):
        connect(f"sqlite:///{tmp_path}/file/journal.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(JournalError, match="cannot be made there: Is a directory"):
        connect(f"sqlite:///{tmp_path}/folder.db")


@pytest.mark.parametrize(
    "url",
    [
        *["", "journal.db", "sqlite:", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:////a.db?mode=ro"],
        *[
            "oracle://u:secret@host/db",
            "mysql://host/db",
            "memory",
            "memory:x",
            "SQLITE:////a.db",
            "sqlite:///a.db",
            "sqlite:///a/",
        ],
    ],
)
def test_another_url_is_refused_with_the_right_ones(url: str):
    for opening in (connect, reading):
        with pytest.raises(JournalError, match="names no journal; right are sqlite:///var/lib") as refused:
            opening(url)
        assert "secret" not in str(refused.value)


def test_a_path_begins_at_the_root_and_with_a_dot_at_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    asyncio.run(connect("sqlite:///./state/journal.db").close())
    for url in (f"sqlite://{tmp_path}/state/journal.db", f"sqlite:///{tmp_path}/state/journal.db"):
        with reading(url) as journal:
            assert journal.head() == (0, "")


def test_a_newer_schema_is_refused(path: Path, raw: sqlite3.Connection):
    raw.execute("UPDATE schema_version SET version = 4")
    for opening in (lambda: connect(f"sqlite:///{path}"), lambda: reading(f"sqlite:///{path}").__enter__()):
        with pytest.raises(JournalError, match="schema is version 4, this program knows version 3"):
            opening()


def test_another_programs_database_is_left_alone(tmp_path: Path):
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE bookmarks (url)")
    other.close()
    with pytest.raises(JournalError, match="holds something else than a journal"):
        connect(f"sqlite:///{path}")
    assert rows(path, "SELECT name FROM sqlite_master") == [("bookmarks",)]


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but longer than a header of one hundred bytes. " * 20)
    before = path.read_bytes()
    with pytest.raises(JournalError, match="it is not an SQLite file, or is damaged"):
        connect(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_looking_at_a_journal_that_is_not_there_does_not_make_one(tmp_path: Path):
    with pytest.raises(JournalError, match="there is no journal"), reading(f"sqlite:///{tmp_path}/none.db"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_looking_at_a_journal_does_not_change_it(path: Path):
    before = path.read_bytes()
    with reading(f"sqlite:///{path}") as journal:
        assert journal.verify().records == LENGTH
    assert path.read_bytes() == before


async def test_two_may_open_a_new_journal_at_once(tmp_path: Path):
    opened = await asyncio.gather(*(asyncio.to_thread(connect, f"sqlite:///{tmp_path}/journal.db") for _ in range(4)))
    assert {await journal.head() for journal in opened} == {(0, "")}
    for journal in opened:
        await journal.close()


def test_the_command_line_does_not_pay_for_a_database_before_it_needs_one():
    code = "import remediator.cli.audit, remediator.journal, sys; print('sqlalchemy' in sys.modules)"
    assert program(code).stdout == "False\n"
