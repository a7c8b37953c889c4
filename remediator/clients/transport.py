"""Requests to the API server over HTTP: bounded connections, time-outs, fresh credentials, errors of the port.

Whether a request may have been sent decides what its failure means. Connecting has a deadline of its own, shorter
than the whole, so that everything after it counts as sent. Bodies and tokens are never logged nor put in errors.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from urllib.parse import quote, urlencode

from remediator.clients.address import Address, address
from remediator.clients.answer import Answer, error_of
from remediator.clients.arriving import Lost, NeverSent
from remediator.clients.connecting import Way, usual_tls
from remediator.clients.credentials import Credentials, CredentialsError, Grant
from remediator.clients.http import Answered, Asked, Flow, Http
from remediator.clients.request import Request
from remediator.core.model import Value
from remediator.ports import ClusterError, Forbidden, OutcomeUnknown, Unavailable

CONNECTIONS = 32
"""Connections for reads and writes; watches have as many of their own, so that they never stand in the way."""
LARGEST = 64 << 20
"""Bytes of one answer: 15 times a page of well-filled Pods."""
LONGEST_LINE = 16 << 20
"""Bytes of one event of a watch; etcd keeps an object below 1.5 MiB."""


class Timeouts(Value, frozen=True):
    """Seconds to get a connection, and for a whole request; and for how long after nobody took a connection it is not
    believed that a right is lacking: an API server that starts refuses what its roles allow until it has read them.
    """

    connect: float = 10.0
    request: float = 30.0
    starting: float = 10.0


class Transport:
    """Sends requests with the present credentials. Connections are kept between them; `close` gives them back."""

    def __init__(self, credentials: Credentials, timeouts: Timeouts | None = None) -> None:
        self._credentials = credentials
        self._timeouts = timeouts or Timeouts()
        self._requests, self._watches = Http(CONNECTIONS), Http(CONNECTIONS)
        self._away_at = -math.inf

    async def ask(self, request: Request) -> bytes:
        """The body of a 2xx answer; any other is the `ClusterError` it stands for.

        A 401 comes before anything is done, so the same request goes out once more where the credentials turn out to
        have been renewed meanwhile.
        """
        with _translated(request):
            grant = await self._credentials.grant()
            answered = await self._answer(request, grant)
            if answered.status == 401 and (renewed := await self._renewed(grant)):
                answered = await self._answer(request, renewed)
        try:
            return _taken(answered, request)
        except Forbidden as error:
            if answered.status != 403 or time.monotonic() - self._away_at > self._timeouts.starting:
                raise
            raise Unavailable(
                f"{error.message}; but the API server may just have started, and is asked again"
            ) from error

    async def lines(self, request: Request, *, silence: float) -> AsyncGenerator[bytes]:
        """The lines of a stream until the server ends it; `Unavailable` after `silence` seconds without a byte."""
        with _translated(request):
            async with self._flow(request, silence) as flow:
                if flow.status != 200:
                    _taken(await _refusal(flow), request)
                async for line in _split(flow.parts()):
                    yield line

    async def close(self) -> None:
        """End all connections."""
        await self._requests.aclose()
        await self._watches.aclose()

    @asynccontextmanager
    async def _flow(self, request: Request, silence: float) -> AsyncIterator[Flow]:
        """As `ask`, of an answer that is read as it comes."""
        grant = await self._credentials.grant()
        async with self._watches.flow(self._asked(request, grant, None), silence) as flow:
            renewed = await self._renewed(grant) if flow.status == 401 else None
            if renewed is None:
                yield flow
                return
        async with self._watches.flow(self._asked(request, renewed, None), silence) as flow:
            yield flow

    async def _renewed(self, refused: Grant) -> Grant | None:
        """Credentials that the server has not refused yet; None where there are none."""
        found = await self._credentials.grant(refused=refused.authorization)
        return found if found.authorization != refused.authorization else None

    async def _answer(self, request: Request, grant: Grant) -> Answered:
        try:
            return await self._requests.ask(self._asked(request, grant, self._timeouts.request))
        except NeverSent:
            self._away_at = time.monotonic()
            raise
        except Lost as error:
            if error.status < 400:
                raise
            return Answered(error.status, {}, b"")  # a refusal stands by its status, even where its body breaks off

    def _asked(self, request: Request, grant: Grant, seconds: float | None) -> Asked:
        headers = {"Accept": "application/json"}
        if request.content_type:
            headers["Content-Type"] = request.content_type
        if grant.authorization:
            headers["Authorization"] = grant.authorization
        there, way = _there(grant)
        where = there._replace(target=there.target + request.path + _query(tuple(request.query.items())))
        return Asked(way, request.method, where, headers, request.body, seconds, self._timeouts.connect, LARGEST)


@functools.lru_cache(maxsize=16)
def _there(grant: Grant) -> tuple[Address, Way]:
    """The server of a grant, and the way to it."""
    there = address(grant.server)
    there = there._replace(target=there.target.rstrip("/"))
    tls = (grant.tls or usual_tls()) if there.tls else None
    proxy = address(grant.proxy) if grant.proxy else None
    return there, Way(there.host, there.port, tls, grant.server_name or "", proxy)


@functools.lru_cache(maxsize=256)
def _query(pairs: tuple[tuple[str, str], ...]) -> str:
    """What follows the path."""
    return f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""


@contextmanager
def _translated(request: Request) -> Iterator[None]:
    """Failures of the connection as errors of the port."""
    try:
        yield
    except ClusterError:
        raise
    except CredentialsError as error:
        raise Unavailable(f"{request.what}: {error}") from error
    except NeverSent as error:
        raise Unavailable(f"{request.what}: no connection to the API server: {_short(error)}") from error
    except (Lost, OSError, ValueError) as error:
        kind = OutcomeUnknown if request.writes else Unavailable
        raise kind(f"{request.what}: sent, but no whole answer came: {_short(error)}") from error


def _taken(answered: Answered, request: Request) -> bytes:
    """The body of a 2xx answer."""
    if not 200 <= answered.status < 300:
        raise error_of(Answer(answered.status, answered.body, answered.headers.get("retry-after", "")), request)
    if answered.cut:
        kind = OutcomeUnknown if request.writes else Unavailable
        raise kind(f"{request.what}: the answer is larger than {LARGEST} bytes")
    return answered.body


async def _refusal(flow: Flow) -> Answered:
    """The whole of an answer that is no stream of events; what is missing of it is not waited for."""
    body = b""
    with suppress(Lost):
        async for part in flow.parts():
            body += part
    return Answered(flow.status, flow.headers, body)


async def _split(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines of any length up to `LONGEST_LINE`."""
    rest = b""
    async for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line:
                yield line
        if len(rest) > LONGEST_LINE:
            raise Lost(f"a line is longer than {LONGEST_LINE} bytes")
    if rest:
        yield rest


def _short(error: BaseException) -> str:
    """An error's text on one line; its name where it has none, as time-outs do."""
    return " ".join(str(error).split())[:200] or type(error).__name__
