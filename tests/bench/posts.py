"""Loads of webhooks: a small HTTP client that costs little beside the server it measures.

`paced` sends at a rate whatever the answers do (an open loop, so that a slow server is not spared); `pressed` keeps a
number of connections busy for a time. Requests are whole byte strings, made before the load.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

PATH = "/webhook/alertmanager"


def request(port: int, body: bytes) -> bytes:
    """A webhook as bytes on the wire."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: bench\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Answers:
    """What a load was answered: how often each status, seconds from sending to the answer, and seconds in all."""

    statuses: dict[int, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    lasted: float = 0.0

    def add(self, status: int, seconds: float) -> None:
        """Note one answer."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.seconds.append(seconds)

    @property
    def kept(self) -> int:
        """How many were acknowledged."""
        return self.statuses.get(200, 0)


class Connection(asyncio.Protocol):
    """One kept connection with one request under way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio's protocol."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio's protocol: no answer comes any more."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Part of asyncio's protocol: the answer is whole when its body is as long as its head says."""
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if end and len(body) >= _length(head) and self._answer is not None:
            self._read = b""
            self._answer.set_result(int(head[9:12]))

    @property
    def is_open(self) -> bool:
        """Whether it can be used; a server ends what nobody uses for some seconds."""
        return self._transport is not None and not self._transport.is_closing()

    async def post(self, whole: bytes) -> int:
        """Send a request; the status of its answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(whole)
        return await self._answer

    def close(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def connected(port: int) -> Connection:
    """A connection to a server on loopback."""
    _, protocol = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return protocol


async def paced(port: int, wholes: Sequence[bytes], rate: float) -> tuple[Answers, list[float]]:
    """Send each request at its time, `rate` a second; the answers, and each request's wall-clock instant of sending.

    A connection that is still busy is not waited for: another one is opened.
    """
    answers, sent, idle = Answers(), [0.0] * len(wholes), [await connected(port) for _ in range(8)]
    begun = time.perf_counter()

    async def one(index: int) -> None:
        connection = _open_one(idle) or await connected(port)
        sent[index], at = time.time(), time.perf_counter()
        answers.add(await connection.post(wholes[index]), time.perf_counter() - at)
        idle.append(connection)

    async with asyncio.TaskGroup() as group:
        for index in range(len(wholes)):
            await asyncio.sleep(max(0.0, begun + index / rate - time.perf_counter()))
            group.create_task(one(index))
    answers.lasted = time.perf_counter() - begun
    for connection in idle:
        connection.close()
    return answers, sent


def _open_one(idle: list[Connection]) -> Connection | None:
    """One of those that nobody uses; those that have ended are forgotten."""
    while idle:
        if (found := idle.pop()).is_open:
            return found
    return None


async def pressed(port: int, wholes: Sequence[bytes], seconds: float, connections: int) -> Answers:
    """Send the requests over and over on all connections for so many seconds; each waits for its answer.

    The connections begin far from each other: what is remembered of one request is no help with the next one's.
    """
    answers, begun = Answers(), time.perf_counter()

    async def many(turn: Iterator[bytes]) -> None:
        connection = await connected(port)
        for whole in turn:
            at = time.perf_counter()
            if at - begun >= seconds:
                break
            answers.add(await connection.post(whole), time.perf_counter() - at)
        connection.close()

    async with asyncio.TaskGroup() as group:
        for number in range(connections):
            group.create_task(many(_round_and_round(wholes, number * len(wholes) // connections)))
    answers.lasted = time.perf_counter() - begun
    return answers


def _round_and_round(wholes: Sequence[bytes], first: int) -> Iterator[bytes]:
    while True:
        yield wholes[first % len(wholes)]
        first += 1
