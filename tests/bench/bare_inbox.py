"""The floor of `intake`: a bare program that reads the same webhooks and keeps them in SQLite before it answers; nobody
works on them, and nobody is kept out.

`python -m tests.bench.bare_inbox PORT FILE`, until it is ended.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
from queue import SimpleQueue
from typing import Any

import msgspec
import uvicorn

TABLE = "CREATE TABLE inbox (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL)"
HELD = 1000
"""Payloads that stay in the file: one more, and the oldest goes."""

Kept = tuple[bytes, asyncio.Future[None]]


class Alert(msgspec.Struct):
    """What a remediator needs of an alert."""

    status: str
    labels: dict[str, str]
    annotations: dict[str, str]
    startsAt: str
    fingerprint: str


class Payload(msgspec.Struct):
    """What it needs of a webhook."""

    version: str
    alerts: list[Alert]


class Inbox:
    """Payloads on their way into a file, all that wait in one commit."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._queue: SimpleQueue[Kept] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    async def keep(self, body: bytes) -> None:
        """Return once it is durable."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put((body, done))
        await done

    def _run(self) -> None:
        file = sqlite3.connect(self._path, isolation_level=None)
        for setting in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=OFF"):
            file.execute(f"PRAGMA {setting}")
        file.execute(TABLE)
        while True:
            taken = [self._queue.get()]
            while not self._queue.empty():
                taken.append(self._queue.get())
            file.execute("BEGIN IMMEDIATE")
            file.executemany("INSERT INTO inbox (body) VALUES (?)", [(body,) for body, _ in taken])
            file.execute("DELETE FROM inbox WHERE id <= (SELECT max(id) FROM inbox) - ?", (HELD,))
            file.execute("COMMIT")
            taken[0][1].get_loop().call_soon_threadsafe(_answer, [done for _, done in taken])


def _answer(waiting: list[asyncio.Future[None]]) -> None:
    for each in waiting:
        each.set_result(None)


def main(port: int, path: str) -> None:
    """Take webhooks on loopback."""
    inbox, payload = Inbox(path), msgspec.json.Decoder(Payload)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            await inbox.keep(await _whole(receive, payload))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})

    uvicorn.run(application, port=port, lifespan="off", access_log=False, log_level="error")


async def _whole(receive: Any, payload: msgspec.json.Decoder[Payload]) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    payload.decode(body)
    return body


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
