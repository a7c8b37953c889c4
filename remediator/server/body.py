"""A request's body, read under bounds or thrown away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from remediator.server.refusal import Refused

T = TypeVar("T")

LARGEST_WORD = 16 * 1024
"""Bytes of an operator's request."""
WORD_SECONDS = 10.0
"""Within which it has to arrive."""

LINGER_BYTES = 64 << 20
"""How much of the rest of a refused body is read and dropped before the answer. A client that still sends when the
connection ends sees a reset in place of the answer, and would try again what can never be taken."""


class Body:
    """The body of one request as it arrives."""

    def __init__(self, request: Request) -> None:
        self._receive = request.receive
        self._waits_for_leave = "expect" in request.headers
        self._ended = False

    async def parts(self) -> AsyncIterator[bytes]:
        """The parts that have not been read yet. Raises `ClientDisconnect` where the client goes away."""
        while not self._ended:
            message = await self._receive()
            self._ended = not message.get("more_body", False)
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            self._waits_for_leave = False
            yield message.get("body", b"")

    def forget(self) -> None:
        """Read no more of it."""
        self._ended = True

    async def drop(self, seconds: float) -> None:
        """Throw away what comes within so many seconds, up to `LINGER_BYTES`. A client that waits for our leave to
        send gets its answer in place of it.
        """
        if self._waits_for_leave:
            return
        dropped = 0
        with contextlib.suppress(TimeoutError, ClientDisconnect):
            async with asyncio.timeout(seconds):
                async for part in self.parts():
                    dropped += len(part)
                    if dropped > LINGER_BYTES:
                        return


async def read_json(request: Request, form: type[T], example: str, seconds: float = WORD_SECONDS) -> T:
    """An operator's small request as `form`. Raises `Refused`, which shows the example where the body is not so."""
    body = b""
    try:
        async with asyncio.timeout(seconds):
            async for part in Body(request).parts():
                body += part
                if len(body) > LARGEST_WORD:
                    raise Refused(413, f"the body has more than {LARGEST_WORD} bytes")
        return msgspec.json.decode(body, type=form)
    except TimeoutError as error:
        raise Refused(408, f"the body did not arrive within {seconds:g} s") from error
    except (msgspec.DecodeError, UnicodeDecodeError, ClientDisconnect) as error:
        raise Refused(400, f"the body must be as {example}: {error}") from error
