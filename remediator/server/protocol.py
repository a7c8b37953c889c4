"""Uvicorn's HTTP protocol with bounds that it lacks: for the head of each request, for what one address may hold open,
and for clients that do not read.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from typing import Any

from remediator.bare import bare

with bare("uvicorn"):
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""From the connection's start, or the first byte of a further request, to the end of its headers."""
HEAD_BYTES = 64 * 1024
"""Size of request line and headers, as far as they come in pieces."""
PER_ADDRESS = 300
"""Connections of one address: whoever opens more leaves room for others."""
UNREAD_SECONDS = 60
"""After which a client that acknowledges or reads nothing of its answer is cut off."""


def guarded(head_seconds: float, per_address: int = PER_ADDRESS) -> type[GuardedProtocol]:
    """The protocol with that deadline for the head of a request, and so many connections of one address; uvicorn makes
    its instances itself.
    """
    bounds = {"head_seconds": head_seconds, "per_address": per_address, "open": Counter()}
    return type("Guarded", (GuardedProtocol,), bounds)


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections whose request does not begin: silent ones, and those that drip (slow-loris).

    Kept connections between requests are uvicorn's `timeout_keep_alive`; bodies are read under the handler's own
    deadline.
    """

    head_seconds = HEAD_SECONDS
    per_address = PER_ADDRESS
    open: Counter[str] = Counter()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_request = False
        self._peer = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of the first request; close what is one too many."""
        super().connection_made(transport)
        self._arm()
        self._peer = (transport.get_extra_info("peername") or ("",))[0]
        self.open[self._peer] += 1
        _demand_reading(transport)
        if self.open[self._peer] > self.per_address:
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline, and the connection."""
        self._disarm()
        self.open -= Counter((self._peer,))
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on bytes of a request; close where its head grows beyond all measure."""
        if not self._in_request:
            if self._head_bytes > HEAD_BYTES:
                self.transport.close()
                return
            self._head_bytes += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """The first byte of a request is here."""
        self._arm()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._disarm()
        self._in_request = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next byte begins another request."""
        self._in_request, self._head_bytes = False, 0
        super().on_message_complete()

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.head_seconds, self._give_up)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._arm()  # the head of a pipelined request; the one before is still being answered
        elif not self.transport.is_closing():
            self.transport.close()


def _demand_reading(transport: asyncio.Transport) -> None:
    """Let the kernel end a connection whose peer takes nothing of what is sent, be it gone or only idle."""
    sock = transport.get_extra_info("socket")
    if sock is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
