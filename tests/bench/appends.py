"""`appends`: what a journal in PostgreSQL costs beside one in SQLite, both on this machine's disk and in turns.

One event an append is what a decision waits for before its write; a hundred in one append is a burst. An alert's way
from its receipt to its durable decision takes one entry of the inbox and one append, which is measured as such.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from remediator.core.events import Event, IncidentOpened
from remediator.core.model import Target
from remediator.journal import connect
from remediator.ports import Journal
from tests.bench import payloads
from tests.bench.figures import quantile
from tests.bench.table import Row, between, said
from tests.lab.lab import Lab
from tests.lab.postgresql import PostgreSQL
from tests.lab.progress import Say

ROUNDS = 5
"""Turns of each of the two."""
SINGLE, MANY = 200, 100
"""Appends of one event a turn, and events of one large append."""

Journals = dict[str, Journal]


def measure(lab: Lab, say: Say) -> list[Row]:
    """Run it; half a minute."""
    server = PostgreSQL(lab.folder.data / "appends", lab.servers, say)
    try:
        return asyncio.run(_measure(lab, server, say))
    finally:
        server.stop()


async def _measure(lab: Lab, server: PostgreSQL, say: Say) -> list[Row]:
    urls = {"SQLite": f"sqlite:///{lab.folder.data}/appends.db", "PostgreSQL": server.fresh_database()}
    journals = {name: connect(url) for name, url in urls.items()}
    try:
        rows: list[Row] = []
        for what, once in WAYS.items():
            rows += await _in_turns(journals, what, once)
            say(f"appends: {rows[-1].figure}: {rows[-1].value}")
        return rows
    finally:
        for journal in journals.values():
            await journal.close()


async def _in_turns(journals: Journals, what: str, once: Callable[[Journal], Awaitable[None]]) -> list[Row]:
    """Rows of both, and PostgreSQL's median in SQLite's."""
    taken: dict[str, list[float]] = {name: [] for name in journals}
    for _ in range(ROUNDS):
        for name, journal in journals.items():
            for _ in range(SINGLE // ROUNDS):
                begun = time.perf_counter()
                await once(journal)
                taken[name].append(1000 * (time.perf_counter() - begun))
    rows = [
        Row(
            "appends",
            f"{what}, {name}",
            said(quantile(each, 0.5), "ms"),
            f"p99 {said(quantile(each, 0.99), 'ms')}, {between(min(each), max(each), 'ms')}",
        )
        for name, each in taken.items()
    ]
    ratio = quantile(taken["PostgreSQL"], 0.5) / quantile(taken["SQLite"], 0.5)
    return [*rows, Row("appends", f"{what}, PostgreSQL in SQLite", said(ratio, "×"))]


async def _append(journal: Journal, count: int, consume: tuple[int, ...] = ()) -> None:
    seq, _ = await journal.head()
    await journal.append([_event(seq + number) for number in range(count)], after=seq, consume=consume)


async def _one(journal: Journal) -> None:
    await _append(journal, 1)


async def _hundred(journal: Journal) -> None:
    await _append(journal, MANY)


async def _alert(journal: Journal) -> None:
    await journal.receive("alertmanager", BODY, datetime.now(UTC))
    waiting = await journal.waiting()
    await _append(journal, 1, tuple(each.id for each in waiting))


BODY = payloads.webhook([payloads.alert(payloads.ALERT, "shop", "web")])
WAYS: dict[str, Callable[[Journal], Awaitable[None]]] = {
    "one event an append": _one,
    f"{MANY} events an append": _hundred,
    "an alert: received, read, decided": _alert,
}


def _event(number: int) -> Event:
    target = Target("Deployment", "shop", f"web-{number % 100}", "0b7c")
    return Event(datetime.now(UTC), IncidentOpened(), incident=f"i{number}", rule="undo", target=target)
