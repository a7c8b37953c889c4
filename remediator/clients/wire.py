"""One connection to an HTTP/1.1 server, for one request at a time; answers are read by httptools, which is llhttp in C.

`docs/adr/0083` says why this is our own.
"""

from __future__ import annotations

import asyncio
from typing import cast

import httptools

from remediator.clients.arriving import MOST_HEAD, Arriving, Lost


class Wire(asyncio.Protocol):
    """Sends a request and fills what arrives. Closed by whatever is not as HTTP has it."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._arriving: Arriving | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._head = 0
        self._keeps = True
        self.used = False
        """Whether it has brought an answer before: a server may end such a connection at any time."""

    @property
    def is_free(self) -> bool:
        """Whether another request may be sent."""
        return self._keeps and self._arriving is None and self._transport is not None

    def send(self, message: bytes, arriving: Arriving) -> None:
        """Send a whole request, whose answer is put into `arriving`."""
        if self._transport is None or self._transport.is_closing():
            arriving.fail("the server closed the connection")
            return
        self._arriving, self._head = arriving, 0
        self._transport.write(message)

    def close(self) -> None:
        """End the connection, whatever is under way."""
        self._keeps, self._arriving = False, None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio's protocol."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        """Part of asyncio's protocol."""
        arriving = self._arriving
        if arriving is None:
            self.close()  # nothing was asked
            return
        try:
            self._parser.feed_data(data)
            if not arriving.has_begun:
                self._demand_short_head(len(data))
        except httptools.HttpParserCallbackError as error:
            self._fail(str(error.__context__ or error))
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, Lost) as error:
            self._fail(f"no HTTP that can be read: {error}")
        if arriving.cut:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio's protocol."""
        arriving, self._arriving, self._transport, self._keeps = self._arriving, None, None, False
        if arriving is None:
            return
        if exc is None and arriving.lasts_until_closed:
            arriving.end()
        else:
            arriving.fail(str(exc) if exc else "the server closed the connection")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Part of httptools' protocol."""
        self._demand_short_head(len(name) + len(value))
        if self._arriving is not None:
            self._arriving.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Part of httptools' protocol. What begins with 1xx says that the answer is still to come."""
        status, arriving = self._parser.get_status_code(), self._arriving
        if arriving is None:
            return
        if status < 200:
            arriving.headers.clear()
        else:
            arriving.begin(status)

    def on_body(self, part: bytes) -> None:
        """Part of httptools' protocol."""
        if self._arriving is not None and not self._arriving.ended:
            self._arriving.add(part, self._pause)

    def on_message_complete(self) -> None:
        """Part of httptools' protocol."""
        arriving = self._arriving
        if arriving is None or not arriving.has_begun:
            return
        self._arriving, self.used, self._keeps = None, True, self._parser.should_keep_alive()
        arriving.end()

    def _demand_short_head(self, size: int) -> None:
        self._head += size
        if self._head > MOST_HEAD:
            raise Lost(f"the answer's head is larger than {MOST_HEAD} bytes")

    def _pause(self, wanted: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.pause_reading if wanted else self._transport.resume_reading)()

    def _fail(self, problem: str) -> None:
        arriving = self._arriving
        self.close()
        if arriving is not None:
            arriving.fail(problem)
