"""The journal in a real PostgreSQL: what differs from SQLite. What all journals promise stands in tests/contract."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from socket import (
    IPPROTO_TCP,
    SO_KEEPALIVE,
    SOL_SOCKET,
    TCP_KEEPCNT,
    TCP_KEEPIDLE,
    TCP_KEEPINTVL,
    TCP_USER_TIMEOUT,
)
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from remediator.core.events import Event, Leader
from remediator.journal import connect, reading, tables
from remediator.journal.canonical import text_of
from remediator.ports import Broken, Fenced, Journal, JournalError
from tests.faults.wire import Wire
from tests.lab.postgresql import PostgreSQL
from tests.lab.waiting import wait_for
from tests.unit.repository.sources import ROOT

pytestmark = pytest.mark.lab

NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def url(postgresql: PostgreSQL) -> str:
    return postgresql.fresh_database()


@pytest.fixture
async def journal(url: str) -> AsyncIterator[Journal]:
    opened = connect(url)
    yield opened
    await opened.close()


def office(epoch: int) -> Event:
    return Event(NOW, Leader(epoch, f"pod-{epoch}"))


async def test_replicas_that_start_at_once_make_the_tables_once(url: str):
    opened = await asyncio.gather(*(asyncio.to_thread(connect, url) for _ in range(4)))
    assert {await each.head() for each in opened} == {(0, "")}
    for each in opened:
        await each.close()


async def test_of_two_that_append_one_is_fenced(url: str, journal: Journal):
    other = connect(url)
    await journal.append([office(1)], after=0)
    with pytest.raises(Fenced, match="another writer is in charge"):
        await other.append([office(2)], after=0)
    (second,) = await other.append([office(2)], after=1)
    assert [record.seq for record in await journal.read()] == [1, second.seq]
    await other.close()


async def test_payloads_that_one_takes_another_consumes(url: str, journal: Journal):
    other = connect(url)
    number = await other.receive("alertmanager", b"{}", NOW)
    assert [receipt.id for receipt in await journal.waiting()] == [number]
    await journal.append([office(1)], after=0, consume=[number])
    assert await other.waiting() == ()
    await other.close()


async def test_no_payload_is_overtaken_by_a_later_number(url: str, postgresql: PostgreSQL, journal: Journal):
    """A slow transaction holds back those that would get higher numbers, so that none becomes visible before it."""
    insert = "INSERT INTO inbox (received_at, source, body) VALUES ('2026-08-01T12:00:00.000000Z', 'slow', '')"
    of_inbox = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND NOT mode LIKE 'Share%'"
    with psycopg.connect(url, autocommit=True) as gate:
        gate.execute("SELECT pg_advisory_lock(7, 7)")  # a lock of two numbers has the objsubid 2
        script = f"BEGIN; {insert}; SELECT pg_advisory_lock(7, 7); COMMIT"
        slow = asyncio.create_task(asyncio.to_thread(postgresql.ask, script, url))
        await asyncio.to_thread(wait_for, lambda: postgresql.ask(of_inbox, url), "1".__eq__, "its lock")
        fast = asyncio.create_task(journal.receive("fast", b"", NOW))
        held = f"{of_inbox} AND NOT granted"
        await asyncio.to_thread(wait_for, lambda: postgresql.ask(held, url), "1".__eq__, "the fast one to be held back")
        gate.execute("SELECT pg_advisory_unlock(7, 7)")
        await asyncio.gather(slow, fast)
    assert [receipt.source for receipt in await journal.waiting()] == ["slow", "fast"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET actor = 'nobody'",
        "DELETE FROM journal",
        "TRUNCATE journal",
        "INSERT INTO journal SELECT 7, time, kind, incident, rule, actor, data, prev, hash, target, mode FROM journal",
        "UPDATE journal_start SET seq = 1",
        "DELETE FROM journal_start",
        "INSERT INTO journal_start VALUES (2, 1, '')",
    ],
)
async def test_no_other_program_changes_what_is_written(
    url: str, postgresql: PostgreSQL, journal: Journal, statement: str
):
    await journal.append([office(1)], after=0)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        postgresql.ask(statement, url)
    assert "the journal is append-only" in refused.value.stderr


async def test_who_switches_the_triggers_off_is_found_by_the_chain(url: str, postgresql: PostgreSQL, journal: Journal):
    await journal.append([office(1), office(2), office(3)], after=0)
    with reading(url) as look:
        assert look.verify().records == 3
    postgresql.ask("ALTER TABLE journal DISABLE TRIGGER ALL; UPDATE journal SET actor = 'nobody' WHERE seq = 2", url)
    with reading(url) as look, pytest.raises(Broken, match="record 2 is changed") as found:
        look.verify()
    assert found.value.seq == 2
    with pytest.raises(Broken, match="Nothing is appended to a journal that does not hold"):
        connect(url)


async def test_a_journal_of_the_version_before_is_brought_up_to_date_with_all_that_is_in_it(url: str):
    """The tables as version 2 made them, and the records of `tests/data/journal/version-2.sqlite` in them."""
    with reading(f"sqlite:///{ROOT}/tests/data/journal/version-2.sqlite") as look:
        lines = list(look.lines())
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", "remediator.journal:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "2")
        for line in lines:
            row = {name: text_of(value) if isinstance(value, dict) else value for name, value in line.items()}
            connection.execute(tables.journal.insert(), row)
        connection.execute(tables.journal_head.update(), {"seq": lines[-1]["seq"], "hash": lines[-1]["hash"]})
        connection.execute(tables.inbox.insert(), {"received_at": NOW.isoformat(), "source": "a", "body": b"{}"})
    engine.dispose()
    with reading(url) as look:
        assert look.verify().records == len(lines), "it can be looked at before"
    journal = connect(url)
    assert list(await journal.lines()) == lines
    assert [receipt.body for receipt in await journal.waiting()] == [b"{}"]
    await journal.append([office(9)], after=len(lines))
    await journal.close()
    with reading(url) as look:
        assert look.verify().records == len(lines) + 1


async def test_a_newer_schema_is_refused(url: str, postgresql: PostgreSQL):
    await connect(url).close()
    postgresql.ask("UPDATE schema_version SET version = 9", url)
    with pytest.raises(JournalError, match="schema is version 9, this program knows version 3"):
        connect(url)
    with pytest.raises(JournalError, match="schema is version 9"), reading(url):
        pass


async def test_a_database_without_a_journal_is_not_looked_at(url: str):
    with pytest.raises(JournalError, match="there is no journal in this database"), reading(url):
        pass


async def test_a_server_that_forgets_commits_is_told_to_keep_them(url: str, postgresql: PostgreSQL):
    postgresql.ask(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off")
    journal = connect(url)
    await journal.receive("alertmanager", b"{}", NOW)
    from remediator.journal.postgres import _writing  # what its sessions are set to is told by no interface

    with _writing(url, alone=False) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    await journal.close()


async def test_while_a_service_has_it_open_nobody_has_it_alone(url: str, journal: Journal):
    with pytest.raises(JournalError, match="a remediator has it open: stop that one first"):
        connect(url, alone=True)
    await journal.close()
    alone = connect(url, alone=True)
    with pytest.raises(JournalError, match="its records are being archived: wait"):
        connect(url)
    await alone.close()


async def test_sessions_that_are_ended_are_made_again(url: str, postgresql: PostgreSQL, journal: Journal):
    """As at a restart of the server: what was asked in between fails and says why, and then it goes on."""
    await journal.append([office(1)], after=0)
    database = url.rpartition("/")[2]
    postgresql.ask(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
    postgresql.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
    for _ in range(2):
        with pytest.raises(JournalError, match=r"the journal postgresql://127\.0\.0\.1:"):
            await journal.append([office(2)], after=1)
    postgresql.ask(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
    await journal.append([office(2)], after=1)
    assert len(await journal.read()) == 2


async def test_a_standby_is_named_as_one(url: str, postgresql: PostgreSQL, journal: Journal):
    postgresql.ask(f"ALTER DATABASE {url.rpartition('/')[2]} SET default_transaction_read_only = on")
    with pytest.raises(JournalError, match=r"it takes no writes: it is a standby.*target_session_attrs=read-write"):
        connect(url)


async def test_a_peer_that_vanishes_is_noticed_by_the_kernel(url: str):
    """Keepalives where nothing is under way, `TCP_USER_TIMEOUT` where something is; of every connection."""
    from remediator.journal.postgres import _reading, _writing  # what its sockets are set to is told by no interface

    for opened, user_timeout in (
        (_writing(url, alone=False), 10_000),
        (_reading(url), 10_000),
        (_reading(f"{url}?tcp_user_timeout=2500"), 2500),
    ):
        with opened, socket.socket(fileno=os.dup(opened.fileno())) as wire:
            assert wire.getsockopt(SOL_SOCKET, SO_KEEPALIVE) == 1
            set_to = [wire.getsockopt(IPPROTO_TCP, each) for each in (TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT)]
            assert (set_to, wire.getsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT)) == ([10, 5, 3], user_timeout)


async def test_what_is_sent_into_a_cut_network_fails_and_the_next_is_kept(url: str, postgresql: PostgreSQL):
    with Wire(urlsplit(url).port or 0) as wire:
        through = url.replace(f":{urlsplit(url).port}/", f":{wire.port}/")
        journal = connect(f"{through}?tcp_user_timeout=1000&connect_timeout=2")
        await journal.receive("alertmanager", b"{}", NOW)
        wire.is_cut = True
        with pytest.raises(JournalError, match="it cannot be reached"):
            await asyncio.wait_for(journal.receive("alertmanager", b"lost", NOW), 120)
        wire.is_cut = False
        await journal.receive("alertmanager", b"[]", NOW)
        assert [receipt.body for receipt in await journal.waiting()] == [b"{}", b"[]"]
        await journal.close()


@pytest.fixture
def guarded(postgresql: PostgreSQL, url: str) -> str:
    """The URL of a role that needs its password, `s3cr3t'`."""
    postgresql.ask("DROP ROLE IF EXISTS guarded", url)
    postgresql.ask("CREATE ROLE guarded LOGIN PASSWORD 's3cr3t'''", url)
    postgresql.ask("GRANT CREATE ON SCHEMA public TO guarded", url)
    postgresql.demand_password("guarded")
    return url.replace(postgresql.url.partition("@")[0], "postgresql://guarded")


async def test_the_password_comes_from_a_file_and_is_never_told(guarded: str, tmp_path: Path):
    file = tmp_path / "pass word"
    url = f"{guarded}?password_file={file}"
    with pytest.raises(JournalError, match=r"storage.password_file .* cannot be read: No such file"):
        connect(url)
    file.write_text("wr0ng\n")
    with pytest.raises(JournalError, match="it refuses the login") as refused:
        connect(url)
    assert "wr0ng" not in str(refused.value)
    file.write_text("s3cr3t'\n")
    await connect(url).close()


async def test_the_command_line_looks_at_it(url: str, journal: Journal):
    await journal.append([office(1)], after=0)
    for words, said in ((["verify"], "ok: 1 record, head 1 "), (["export"], '"kind":"leader"'), (["anchor"], "1 ")):
        command = [sys.executable, "-m", "remediator", "audit", *words, "--db", url]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
        assert said in done.stdout.replace(": ", ":").replace("ok:", "ok: ")


def test_a_url_that_names_no_database_shows_no_password():
    with pytest.raises(JournalError) as refused:
        connect("postgresql://a:s3cr3t@[:1/x")
    assert "s3cr3t" not in str(refused.value)


async def test_a_server_that_is_not_there_says_so():
    with pytest.raises(JournalError, match=r"postgresql://127.0.0.1:1/x: it cannot be reached"):
        connect("postgresql://127.0.0.1:1/x")
