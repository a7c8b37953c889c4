"""Journals to look at and to tamper with."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from remediator.core.events import Decision, Event, IncidentOpened, Leader
from remediator.core.model import Mode, Target, Verdict
from remediator.journal import connect

NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
LENGTH = 7


@contextmanager
def listening(name: str, listener: Callable[..., Any]) -> Iterator[None]:
    """SQLAlchemy's public hook into every engine: what was really done, and the faults of a real database."""
    event.listen(Engine, name, listener)
    try:
        yield
    finally:
        event.remove(Engine, name, listener)


@contextmanager
def committing() -> Iterator[list[sqlite3.Connection]]:
    """The connections to SQLite that are opened meanwhile, each as often as it commits."""
    found: list[sqlite3.Connection] = []

    def opened(connection: sqlite3.Connection, _: Any) -> None:
        connection.set_trace_callback(lambda said: found.append(connection) if said == "COMMIT" else None)

    with listening("connect", opened):
        yield found


def rows(path: Path, query: str) -> list[tuple]:
    """What another program sees in the database."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def program(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def history() -> list[Event]:
    """Seven events, a minute apart: two incidents, a record with nulls, hostile text, all kinds of numbers."""
    web, db = Target("Deployment", "shop", "web", "u-1"), Target("StatefulSet", "shop", "db", "u-2")
    seen = {"value": 0.25, "tiny": 1e-05, "huge": 2**63, "text": 'a,"b"\r\n=1+1 é😀\x00\u2028'}
    allowed = Verdict("budget", "allow", "1 of 2 used", None, seen)
    events = [
        Event(NOW, Leader(1, "pod-0", "0.1.0")),
        Event(NOW, IncidentOpened({"alertname": "Stuck"}), "inc-1", "undo-bad-rollout", web, Mode.ENFORCE),
        Event(NOW, Decision("act", (allowed,), 0, "rollback"), "inc-1", "undo-bad-rollout", web, Mode.ENFORCE),
        Event(NOW, IncidentOpened({"alertname": "Down"}), "inc-2", "restart,db", db, Mode.OBSERVE),
        Event(NOW, Decision("hold", (), 0), "inc-1", "undo-bad-rollout", web, Mode.ENFORCE, "operator:alice"),
        Event(NOW, Decision("observe", (), 0), "inc-2", "restart,db", db, Mode.OBSERVE),
        Event(NOW, Leader(2, "pod-1", "0.1.0")),
    ]
    assert len(events) == LENGTH
    return [
        Event(NOW + timedelta(minutes=n), e.data, e.incident, e.rule, e.target, e.mode, e.actor)
        for n, e in enumerate(events)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a journal of seven records lies, closed."""

    async def write() -> None:
        journal = connect(f"sqlite:///{tmp_path}/journal.db")
        await journal.append(history(), after=0)
        await journal.close()

    asyncio.run(write())
    return tmp_path / "journal.db"


@pytest.fixture
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """The same journal in the hands of somebody who takes its safety net away first."""
    connection = sqlite3.connect(path, isolation_level=None)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    yield connection
    connection.close()
