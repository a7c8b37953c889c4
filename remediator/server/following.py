"""`GET /api/v1/journal/follow`: journal lines as server-sent events, from where the follower left off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from remediator.journal.canonical import text_of
from remediator.ports import JournalError
from remediator.server.access import Access, Role
from remediator.server.refusal import Refused
from remediator.server.service import Service

MOST_FOLLOWERS = 32
"""Streams at once; one more is answered 503."""
PART = 200
"""Lines read at once."""
LOOK_EVERY = 0.25
"""Seconds between two looks at the head, which is in memory, and at whether the end was asked for."""
SIGN_OF_LIFE = 15.0
"""Seconds without a line after which a comment says that the stream lives: proxies and clients give up silent ones."""
LONGEST = 600.0
"""Seconds of one stream; then the follower asks again, and shows again who it is."""


class Following:
    """The endpoint. A stream ends by itself when the service does, so that nobody's patience holds up a shutdown."""

    def __init__(self, service: Service, access: Access, longest: float = LONGEST) -> None:
        self._service, self._access, self._longest = service, access, longest
        self._followers = 0

    async def follow(self, request: Request) -> Response:
        """Lines after `Last-Event-ID`, or `after`; without either, those that are still to come."""
        await self._access.operator(request, Role.VIEW)
        after = _after(request, self._service.head())
        if self._followers >= MOST_FOLLOWERS:
            raise Refused(503, f"{MOST_FOLLOWERS} follow already; page through /api/v1/journal instead")
        return StreamingResponse(self._events(after), media_type="text/event-stream")

    async def _events(self, after: int) -> AsyncIterator[str]:
        self._followers += 1
        loop = asyncio.get_running_loop()
        began = said_at = loop.time()
        try:
            yield "retry: 1000\n\n"
            while not self._service.is_ending() and loop.time() - began < self._longest:
                if self._service.head() > after:
                    for line in await self._service.journal.lines(after, PART):
                        yield f"id: {line['seq']}\nevent: {line['kind']}\ndata: {text_of(line)}\n\n"
                        after, said_at = line["seq"], loop.time()
                elif loop.time() - said_at >= SIGN_OF_LIFE:
                    yield ": still there\n\n"
                    said_at = loop.time()
                await asyncio.sleep(LOOK_EVERY)
        except JournalError as error:
            yield f": the journal cannot be read: {type(error).__name__}\n\n"
        finally:
            self._followers -= 1


def _after(request: Request, head: int) -> int:
    text = request.headers.get("last-event-id") or request.query_params.get("after") or str(head)
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Refused(400, f"Last-Event-ID and after are sequence numbers, not {text[:50]!r}")
    return int(text)
