"""HTTP/1.1 for all that the product asks others: kept connections, bounds on everything, no retry of what may be done.

What a failure means is said by its type: `NeverSent`, or `Lost` where the request may have got through.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeVar

from remediator import __version__
from remediator.clients.address import Address, headers
from remediator.clients.arriving import Arriving, Late, Lost, NeverSent
from remediator.clients.connecting import Way
from remediator.clients.connections import CLOSED, Connections

KEPT_SECONDS = 15.0
"""For which a connection is kept that nobody uses; servers end theirs after a minute and more."""

_SELF = f"User-Agent: remediator/{__version__}\r\nAccept-Encoding: gzip\r\n"

T = TypeVar("T")


class Asked(NamedTuple):
    """One request on its way. `seconds` for all of it, of which `connect` until there is a connection; None for ever.

    At most `most` bytes of the answer's body are read.
    """

    way: Way
    method: str
    address: Address
    headers: Mapping[str, str]
    body: bytes
    seconds: float | None
    connect: float | None
    most: int


class Answered(NamedTuple):
    """A whole answer: headers by names in lower case; `cut` where its body is longer than what was read."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False


class Flow:
    """An answer that is read as it comes; its status and headers are there already."""

    def __init__(self, arriving: Arriving, silence: float) -> None:
        self.status, self.headers = arriving.status, arriving.headers
        self._arriving, self._silence = arriving, silence

    async def parts(self) -> AsyncGenerator[bytes]:
        """The body, part by part, to its end. Raises `Lost`, also after `silence` seconds without a byte."""
        while part := await _heard(self._arriving.more(), self._silence, self._arriving):
            yield part


class Http:
    """A client with at most `most` connections in use of each way; `aclose` ends all of them, and there are no more."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ways: dict[Way, Connections] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False

    async def ask(self, asked: Asked) -> Answered:
        """Ask and read the whole answer. Raises `NeverSent` and `Lost`, `Late` after `seconds`.

        A GET is sent once more where a kept connection turns out to have ended; nothing else ever is.
        """
        arriving = Arriving(asked.most)
        try:
            async with asyncio.timeout(asked.seconds):
                try:
                    return await self._once(asked, arriving)
                except _Stale:
                    arriving = Arriving(asked.most)
                    return await self._once(asked, arriving, fresh=True)
        except TimeoutError:
            raise Late(f"no whole answer within {asked.seconds:g} s", arriving.status) from None

    @asynccontextmanager
    async def flow(self, asked: Asked, silence: float) -> AsyncIterator[Flow]:
        """Ask for an answer that is read as it comes, over a connection of its own."""
        arriving, connections = Arriving(asked.most, streams=True), self._connections(asked.way)
        wire = await connections.take(asked.connect, fresh=True)
        try:
            wire.send(_message(asked), arriving)
            await _heard(arriving.head(), silence, arriving)
            yield Flow(arriving, silence)
        finally:
            wire.close()
            connections.give(wire)

    async def aclose(self) -> None:
        """End all connections. Whoever asks from now on, or still waits for a connection, gets `NeverSent`."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        for each in self._ways.values():
            each.close()
        self._ways.clear()
        await asyncio.sleep(0)  # their transports are told so in the next turn of the loop

    async def _once(self, asked: Asked, arriving: Arriving, *, fresh: bool = False) -> Answered:
        connections = self._connections(asked.way)
        wire = await connections.take(asked.connect, fresh=fresh)
        may_be_stale = wire.used and asked.method == "GET"
        try:
            wire.send(_message(asked), arriving)
            body = await arriving.whole()
        except Lost as error:
            if may_be_stale and not error.status:
                raise _Stale from error
            raise
        finally:
            if not arriving.ended:
                wire.close()
            connections.give(wire)
        return Answered(arriving.status, arriving.headers, body[: asked.most], arriving.cut)

    def _connections(self, way: Way) -> Connections:
        if self._closed:
            raise NeverSent(CLOSED)
        if way not in self._ways:
            self._ways[way] = Connections(way, self._most)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._sweep)
        return self._ways[way]

    def _sweep(self) -> None:
        """End what nobody uses, and forget the ways that nobody goes."""
        self._ways = {way: each for way, each in self._ways.items() if each.sweep()}
        again = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._sweep) if self._ways else None
        self._sweeping = again


class _Stale(Exception):
    """A kept connection had ended before it was used again."""


async def _heard(wait: Awaitable[T], silence: float, arriving: Arriving) -> T:
    """What is waited for, but for no longer than `silence` seconds."""
    try:
        async with asyncio.timeout(silence):
            return await wait
    except TimeoutError:
        raise Lost(f"not a byte in {silence:g} s", arriving.status) from None


def _message(asked: Asked) -> bytes:
    """The whole request as bytes."""
    way, address = asked.way, asked.address
    plain_proxy = way.proxy if way.tls is None else None
    target = f"http://{address.authority}{address.target}" if plain_proxy else address.target
    told = dict(asked.headers)
    if address.login:
        told.setdefault("Authorization", address.login)
    if plain_proxy and plain_proxy.login:
        told["Proxy-Authorization"] = plain_proxy.login
    if asked.body or asked.method != "GET":
        told["Content-Length"] = str(len(asked.body))
    first = f"{asked.method} {target} HTTP/1.1\r\nHost: {address.authority}\r\n"
    return f"{first}{_SELF}{headers(told)}\r\n".encode() + asked.body
