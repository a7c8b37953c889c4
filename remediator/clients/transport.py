"""Requests to the API server over HTTP: bounded connections, time-outs, fresh credentials, errors of the port.

Whether a request may have been sent decides what its failure means. Connecting has a deadline of its own, shorter
than the whole, so that everything after it counts as sent. Bodies and tokens are never logged nor put in errors.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
from aiohttp import ClientHttpProxyError, ClientTimeout, ConnectionTimeoutError
from aiohttp.client_exceptions import ClientConnectorError
from yarl import URL

from remediator import __version__
from remediator.clients.answer import Answer, error_of
from remediator.clients.credentials import Credentials, CredentialsError, Grant
from remediator.clients.request import Request
from remediator.core.model import Value
from remediator.ports import ClusterError, OutcomeUnknown, Unavailable

CONNECTIONS = 32
"""Connections for reads and writes; watches have as many of their own, so that they never stand in the way."""
LARGEST = 64 << 20
"""Bytes of one answer: 15 times a page of well-filled Pods."""
LONGEST_LINE = 16 << 20
"""Bytes of one event of a watch; etcd keeps an object below 1.5 MiB."""
_NEVER_SENT = (ClientConnectorError, ConnectionTimeoutError, ClientHttpProxyError)


class Timeouts(Value, frozen=True):
    """Seconds to get a connection, and for a whole request."""

    connect: float = 10.0
    request: float = 30.0


class _BrokenError(aiohttp.ClientError):
    """A connection that broke after the request went out; hides the cause from aiohttp's own second try."""


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Middleware of writes: aiohttp would send a DELETE again when a kept connection breaks under it."""
    try:
        return await send(request)
    except _NEVER_SENT:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _BrokenError(str(error) or type(error).__name__) from error


class Transport:
    """Sends requests with the present credentials. Connections are kept between them; `close` gives them back."""

    def __init__(self, credentials: Credentials, timeouts: Timeouts | None = None) -> None:
        self._credentials = credentials
        self._timeouts = timeouts or Timeouts()
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def ask(self, request: Request) -> bytes:
        """The body of a 2xx answer; any other is the `ClusterError` it stands for."""
        limit = ClientTimeout(total=self._timeouts.request, connect=self._timeouts.connect)
        with _translated(request):
            async with self._answered(request, "requests", limit) as response:
                return await _taken(response, request)

    async def lines(self, request: Request, *, silence: float) -> AsyncGenerator[bytes]:
        """The lines of a stream until the server ends it; `Unavailable` after `silence` seconds without a byte."""
        limit = ClientTimeout(total=None, connect=self._timeouts.connect, sock_read=silence)
        with _translated(request):
            async with self._answered(request, "watches", limit) as response:
                if response.status != 200:
                    await _taken(response, request)
                async for line in _split(response.content):
                    yield line

    async def close(self) -> None:
        """End all connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    @asynccontextmanager
    async def _answered(
        self, request: Request, pool: str, limit: ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer. A 401 comes before anything is done, so the same request goes out once more where the
        credentials turn out to have been renewed meanwhile.
        """
        grant = await self._credentials.grant()
        async with self._sent(request, grant, pool, limit) as response:
            renewed = await self._credentials.grant(refused=grant.authorization) if response.status == 401 else grant
            if renewed.authorization == grant.authorization:
                yield response
                return
        async with self._sent(request, renewed, pool, limit) as response:
            yield response

    def _sent(self, request: Request, grant: Grant, pool: str, limit: ClientTimeout) -> Any:
        headers = {"Content-Type": request.content_type} if request.content_type else {}
        if grant.authorization:
            headers["Authorization"] = grant.authorization
        return self._session(pool).request(
            request.method,
            URL(grant.server + request.path, encoded=True),
            params=request.query,
            data=request.body or None,
            headers=headers,
            timeout=limit,
            ssl=grant.tls or True,
            server_hostname=grant.server_name,
            proxy=grant.proxy,
            allow_redirects=False,
            middlewares=(_once,) if request.writes else (),
        )

    def _session(self, pool: str) -> aiohttp.ClientSession:
        if pool not in self._sessions:
            self._sessions[pool] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"remediator/{__version__}", "Accept": "application/json"},
            )
        return self._sessions[pool]


@contextmanager
def _translated(request: Request) -> Iterator[None]:
    """Failures of the connection as errors of the port."""
    try:
        yield
    except ClusterError:
        raise
    except CredentialsError as error:
        raise Unavailable(f"{request.what}: {error}") from error
    except _NEVER_SENT as error:
        raise Unavailable(f"{request.what}: no connection to the API server: {_short(error)}") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        kind = OutcomeUnknown if request.writes else Unavailable
        raise kind(f"{request.what}: sent, but no whole answer came: {_short(error)}") from error


async def _taken(response: aiohttp.ClientResponse, request: Request) -> bytes:
    """The body of a 2xx answer. A refusal stands by its status, even where its body breaks off."""
    try:
        body = await _read(response.content)
    except (aiohttp.ClientError, OSError):
        if response.status < 400:
            raise
        body = b""
    if 200 <= response.status < 300:
        return body
    raise error_of(Answer(response.status, body, response.headers.get("Retry-After", "")), request)


async def _read(content: aiohttp.StreamReader) -> bytes:
    parts, size = [], 0
    async for part in content.iter_any():
        size += len(part)
        if size > LARGEST:
            raise aiohttp.ClientPayloadError(f"the answer is larger than {LARGEST} bytes")
        parts.append(part)
    return b"".join(parts)


async def _split(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length up to `LONGEST_LINE`; aiohttp's own reader gives up at 128 KiB, less than some Nodes take."""
    rest = b""
    async for part in content.iter_any():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line:
                yield line
        if len(rest) > LONGEST_LINE:
            raise aiohttp.ClientPayloadError(f"a line is longer than {LONGEST_LINE} bytes")
    if rest:
        yield rest


def _short(error: BaseException) -> str:
    """An error's text on one line; its name where it has none, as time-outs do."""
    return " ".join(str(error).split())[:200] or type(error).__name__
