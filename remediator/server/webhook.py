"""Alertmanager's webhook: read, check that it is JSON of the right version, make it durable, answer 200. Nothing is
decided or done inside the request; the controller parses what is in the inbox.

5xx makes Alertmanager try again, 4xx makes it drop the notification: so 4xx is for what can never be taken.
"""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from remediator import metrics
from remediator.clients.alertmanager import MalformedPayload, counted
from remediator.config.settings import Web
from remediator.core.model import Value
from remediator.ports import JournalError
from remediator.server.access import Access
from remediator.server.body import Body
from remediator.server.refusal import Json, Refused, refused
from remediator.server.service import Service

SOURCE = "alertmanager"
"""The source that receipts and signals of this webhook name."""


class Limits(Value, frozen=True):
    """Bounds of what is taken. Sizes in bytes; `seconds` for a whole body, `linger` for the rest of a refused one;
    `waiting` counts payloads that nobody has worked on yet.
    """

    body: int = 4 << 20
    in_flight: int = 64 << 20
    seconds: float = 30.0
    linger: float = 2.0
    waiting: int = 20_000
    waiting_bytes: int = 256 << 20


def limits_of(web: Web) -> Limits:
    """The bounds that the settings name, the others as they are; at least four payloads fit in at once."""
    body = web.max_request_bytes
    return Limits(body=body, in_flight=max(Limits().in_flight, 4 * body), waiting_bytes=web.inbox_limit_bytes)


class Webhook:
    """The endpoint, with what it must remember between requests: bytes being read, and how full the inbox is."""

    def __init__(self, service: Service, access: Access, limits: Limits) -> None:
        self._service, self._access, self._limits = service, access, limits
        self._in_flight = 0
        self._inbox = _Inbox(service, limits)

    async def take(self, request: Request) -> Response:
        """Answer one webhook request."""
        body = Body(request)
        try:
            response = await self._take(request, body)
        except Refused as error:
            await body.drop(self._limits.linger)
            response = refused(request, error)
        except ClientDisconnect:
            response = Json({"error": "the client went away"}, 400)
        metrics.WEBHOOKS.labels(str(response.status_code)).inc()
        return response

    async def _take(self, request: Request, body: Body) -> Response:
        self._access.webhook(request)
        await self._demand_room()
        payload = await self._read(request, body)
        try:
            return await self._keep(payload)
        finally:
            self._in_flight -= len(payload)

    async def _keep(self, body: bytes) -> Response:
        try:
            alerts, skipped = counted(body)
        except MalformedPayload as error:
            raise Refused(400, f"malformed payload: {error.reason}") from error
        try:
            await self._service.journal.receive(SOURCE, body, self._service.clock.now())
        except JournalError as error:
            raise Refused(503, f"the payload could not be made durable: {error}") from error
        self._inbox.took(len(body))
        self._service.received()
        return Json({"alerts": alerts, "skipped": list(skipped[:10])})

    async def _demand_room(self) -> None:
        if reason := self._service.refusing():
            raise Refused(503, f"not ready: {reason}")
        if reason := await self._inbox.full():
            raise Refused(503, reason)

    async def _read(self, request: Request, body: Body) -> bytes:
        """The body, up to the limit: never more of it is in memory, whatever the headers say."""
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced[:18]) > self._limits.body:
            raise self._too_large()
        read = bytearray()
        try:
            async with asyncio.timeout(self._limits.seconds):
                async for part in body.parts():
                    self._in_flight += len(part)
                    read += part
                    self._demand_bounds(len(read))
        except BaseException as error:
            self._in_flight -= len(read)
            if isinstance(error, TimeoutError):
                body.forget()
                raise Refused(503, f"the body did not arrive within {self._limits.seconds:g} s") from error
            raise
        return bytes(read)

    def _demand_bounds(self, size: int) -> None:
        if size > self._limits.body:
            raise self._too_large()
        if self._in_flight > self._limits.in_flight:
            raise Refused(503, "too many payloads are being read at once")

    def _too_large(self) -> Refused:
        return Refused(413, f"the payload is larger than {self._limits.body} bytes: group alerts more finely")


class _Inbox:
    """How full the inbox is: asked of the journal once a second, and counted on in between."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service, self._limits = service, limits
        self._count, self._bytes = 0, 0
        self._asked = float("-inf")

    def took(self, size: int) -> None:
        """One more payload waits."""
        self._count += 1
        self._bytes += size

    async def full(self) -> str:
        """Why no more is taken; empty where there is room."""
        if (now := asyncio.get_running_loop().time()) - self._asked >= 1.0:
            try:
                self._count, self._bytes = await self._service.journal.backlog()
            except JournalError as error:
                return f"the journal cannot be read: {error}"
            self._asked = now
        if self._count >= self._limits.waiting or self._bytes >= self._limits.waiting_bytes:
            return f"{self._count} payloads ({self._bytes} bytes) wait to be worked on; no more fit"
        return ""
