"""Where messages go: an HTTP server for webhooks, Slack and PagerDuty, and a mail server, on loopback, over threads."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.lab.loopback import Answered, Asked, Loopback
from tests.unit.notify.mail_server import MailServer, taking


@dataclass(frozen=True)
class Posted:
    """One request: what was sent, and what was answered (0: nothing)."""

    path: str
    headers: dict[str, str]
    body: bytes
    answered: int

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def key(self) -> str:
        return self.headers["idempotency-key"]


class Outpost(Loopback):
    """Takes POSTs for the length of a `with` block. `says` is the status by path, 200 where none; 0 takes a message and
    never answers, as where the sender is killed before it hears.
    """

    def __init__(self) -> None:
        super().__init__()
        self.posted: list[Posted] = []
        self.says: dict[str, int] = {}
        self.taken_without_a_word = threading.Event()

    def at(self, path: str, **said: Any) -> list[Posted]:
        """What was posted to a path with these values."""
        return [one for one in self.posted if one.path == path and said.items() <= one.json.items()]

    def of(self, key: str, answered: int | None = None) -> list[Posted]:
        """What was posted under an idempotency key, where that is asked for with this answer."""
        found = [one for one in self.posted if one.headers.get("idempotency-key") == key]
        return [one for one in found if answered in (None, one.answered)]

    def answer(self, asked: Asked) -> Answered | None:
        status = self.says.get(asked.path, 200)
        self.posted.append(Posted(asked.path, asked.headers, asked.body, status))
        if not status:
            self.taken_without_a_word.set()
            self.over.wait(60)
            return None
        return Answered(json.dumps({"ok": True, "ts": "1.1", "channel": "C1", "status": "success"}).encode(), status)


@contextmanager
def post_office() -> Iterator[MailServer]:
    """A mail server in a thread of its own."""
    server, ready = MailServer(), threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with taking(server):
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    ready.wait(30)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)
        loop.close()
