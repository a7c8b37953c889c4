"""A server that does to each request exactly what the test says: answer, hang, cut off, drip. Real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Reply = Callable[["Connection"], Awaitable[None]]


@dataclass
class Seen:
    """A request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    target: str = ""
    peer: object = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def reset(self) -> None:
        self._writer.transport.abort()

    def end(self) -> None:
        self._writer.close()


def answer(status: int = 200, content: Any = None, **headers: str) -> Reply:
    """A whole answer; `content` is bytes, or becomes JSON."""
    body = content if isinstance(content, bytes) else json.dumps({} if content is None else content).encode()

    async def reply(connection: Connection) -> None:
        await connection.send(_head(status, {"Content-Length": str(len(body)), **headers}) + body)

    return reply


def status(code: int, message: str = "", reason: str = "", **rest: Any) -> Reply:
    """The API server's own form of an error."""
    content = {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "code": code, **rest}
    return answer(code, content)


def stream(*lines: bytes | dict[str, Any], end: Reply | None = None) -> Reply:
    """A chunked answer of lines; `end` says what comes instead of its proper end."""

    async def reply(connection: Connection) -> None:
        await connection.send(_head(200, {"Transfer-Encoding": "chunked"}))
        for line in lines:
            data = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
            await connection.send(b"%x\r\n%s\r\n" % (len(data), data))
        await (end(connection) if end else connection.send(b"0\r\n\r\n"))

    return reply


def cut_off(code: int = 200, sent: bytes = b'{"kind": "Deploy') -> Reply:
    """A status, a piece of the body, then a reset."""

    async def reply(connection: Connection) -> None:
        await connection.send(_head(code, {"Content-Length": "1000"}) + sent)
        await asyncio.sleep(0.02)
        connection.reset()

    return reply


def then(*replies: Reply) -> Reply:
    """Each reply for one request, in order, the last one for all that follow."""
    left = list(replies)

    async def reply(connection: Connection) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(connection)

    return reply


async def hang(connection: Connection) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def reset(connection: Connection) -> None:
    """Take the request and break the connection."""
    connection.reset()


async def drip(connection: Connection) -> None:
    """A status line that does not end, a byte at a time."""
    for byte in _head(200, {"X-Slow": "a" * 1000}):
        await connection.send(bytes([byte]))
        await asyncio.sleep(0.05)


async def nonsense(connection: Connection) -> None:
    """Not HTTP at all."""
    await connection.send(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
    connection.reset()


@dataclass
class ApiServer:
    """Answers every request by `reply` and keeps what it saw."""

    reply: Reply = field(default_factory=answer)
    seen: list[Seen] = field(default_factory=list)
    url: str = ""

    @property
    def last(self) -> Seen:
        return self.seen[-1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    self.seen.append(await _request(reader, writer.get_extra_info("peername")))
                    await self.reply(Connection(writer))
        finally:
            writer.transport.abort()


async def _request(reader: asyncio.StreamReader, peer: object) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *rest = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    return Seen(method, parts.path, dict(parse_qsl(parts.query)), headers, body, target, peer)


@contextlib.asynccontextmanager
async def running(tls: ssl.SSLContext | None = None) -> AsyncIterator[ApiServer]:
    """A server on a free loopback port; what still hangs is ended with it."""
    api = ApiServer()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(api.serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    api.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield api
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


def _head(code: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {code} Said", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
