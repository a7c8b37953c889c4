"""How a connection comes about: names looked up, addresses tried side by side (RFC 8305), proxies, TLS."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from typing import NamedTuple, cast

from remediator.clients.address import Address, headers
from remediator.clients.arriving import NeverSent
from remediator.clients.wire import Wire

_HEAD_START = 0.25
"""Seconds after which the next address of a host is tried as well."""

_MOST_ANSWER = 16 * 1024
"""Bytes of a proxy's answer to CONNECT."""


class Way(NamedTuple):
    """Where a connection leads and how it is made; requests of the same way share connections.

    `tls` is None for plain HTTP; `server_name` stands in for the host in the certificate. A proxy is `told` these
    headers where its tunnel is wanted.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str = ""
    proxy: Address | None = None
    told: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Way({self.host!r}, {self.port})"

    @property
    def tunnels(self) -> bool:
        """Whether a proxy passes bytes on that it cannot read."""
        return self.proxy is not None and self.tls is not None


@functools.cache
def usual_tls() -> ssl.SSLContext:
    """What the system trusts, read once."""
    return ssl.create_default_context()


async def connected(way: Way) -> Wire:
    """A new connection. Raises `NeverSent`."""
    first = way.proxy or way
    try:
        if way.proxy is None:
            return await _opened(way.host, way.port, way.tls, way.server_name or way.host)
        if not way.tunnels:
            return await _opened(first.host, first.port, usual_tls() if way.proxy.tls else None, first.host)
        return await _through(way, way.proxy)
    except (OSError, ValueError, asyncio.IncompleteReadError) as error:  # ssl's errors are of both kinds
        raise NeverSent(f"cannot connect to {first.host}:{first.port}: {_said(error)}") from error


async def _opened(host: str, port: int, tls: ssl.SSLContext | None, name: str) -> Wire:
    sock = await _socket(host, port)
    try:
        transport, wire = await asyncio.get_running_loop().create_connection(
            asyncio.Protocol if tls else Wire, sock=sock
        )
    except BaseException:
        sock.close()
        raise
    return await _secured(transport, tls, name) if tls else cast(Wire, wire)


async def _secured(transport: asyncio.Transport, tls: ssl.SSLContext, name: str) -> Wire:
    """TLS over a connection. Who gives up in the middle ends the connection beneath: one that is over TLS would only
    begin to end, and a socket closed under it would leave its number to the next one.
    """
    wire = Wire()
    try:
        over = await asyncio.get_running_loop().start_tls(transport, wire, tls, server_hostname=name)
        wire.connection_made(cast(asyncio.Transport, over))
    except BaseException:
        transport.abort()
        raise
    return wire


async def _socket(host: str, port: int) -> socket.socket:
    from aiohappyeyeballs import start_connection

    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    sock = await start_connection(found, happy_eyeballs_delay=_HEAD_START, interleave=1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return sock


async def _through(way: Way, proxy: Address) -> Wire:
    """A TLS connection through a proxy's tunnel (RFC 9110, section 9.3.6)."""
    loop, sock = asyncio.get_running_loop(), await _socket(proxy.host, proxy.port)
    tls = usual_tls() if proxy.tls else None
    transport, tunnel = await loop.create_connection(
        _Tunnel, sock=sock, ssl=tls, server_hostname=proxy.host if tls else None
    )
    try:
        transport.write(_connect(way, proxy))
        await tunnel.opened
        return await _secured(transport, cast(ssl.SSLContext, way.tls), way.server_name or way.host)
    except BaseException:
        transport.abort()
        raise


def _connect(way: Way, proxy: Address) -> bytes:
    there = f"[{way.host}]:{way.port}" if ":" in way.host else f"{way.host}:{way.port}"
    told = ({"Proxy-Authorization": proxy.login} if proxy.login else {}) | dict(way.told)
    return f"CONNECT {there} HTTP/1.1\r\nHost: {there}\r\n{headers(told)}\r\n".encode()


class _Tunnel(asyncio.Protocol):
    """Waits for a proxy's 2xx, behind which nothing of its own comes."""

    def __init__(self) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, _ = self._read.partition(b"\r\n\r\n")
        if self.opened.done() or not (end or len(self._read) > _MOST_ANSWER):
            return
        status = head.partition(b"\r\n")[0].decode("latin-1").split(" ", 2)[1:]
        if end and status and status[0].startswith("2"):
            self.opened.set_result(None)
        else:
            self.opened.set_exception(OSError(f"the proxy answers {' '.join(status)[:100] or 'no HTTP'}"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(exc or OSError("the proxy closed the connection"))


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
