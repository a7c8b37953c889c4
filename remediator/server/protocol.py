"""Uvicorn's HTTP protocol with bounds that it lacks: a deadline and a size for the head of each request."""

from __future__ import annotations

import asyncio
from typing import Any

from remediator.bare import bare

with bare("uvicorn"):
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""From the connection's start, or the first byte of a further request, to the end of its headers."""
HEAD_BYTES = 64 * 1024
"""Size of request line and headers, as far as they come in pieces."""


def guarded(head_seconds: float) -> type[GuardedProtocol]:
    """The protocol with that deadline for the head of a request; uvicorn makes its instances itself."""
    return type("Guarded", (GuardedProtocol,), {"head_seconds": head_seconds})


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections whose request does not begin: silent ones, and those that drip (slow-loris).

    Kept connections between requests are uvicorn's `timeout_keep_alive`; bodies are read under the handler's own
    deadline.
    """

    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_request = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of the first request."""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._disarm()
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
