"""The ASGI application: the doors, the document about them, and what every answer carries."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from remediator.config.settings import Web
from remediator.server.access import Access
from remediator.server.door import Door, Handler
from remediator.server.doors import doors_of
from remediator.server.openapi import document
from remediator.server.paces import Paces
from remediator.server.refusal import Json, Refused, failed, not_served, refused
from remediator.server.reviews import Reviewer
from remediator.server.service import Service
from remediator.server.webhook import Limits, limits_of


def build(
    service: Service,
    web: Web | None = None,
    limits: Limits | None = None,
    reviewer: Reviewer | None = None,
    paces: Paces | None = None,
) -> Starlette:
    """The ASGI application over a running service. Without settings nobody has a token: see `Access`. `limits` are
    those that the settings name, unless given. `reviewer` judges Kubernetes tokens, where the settings ask for it;
    `paces` are those of `rate.Paces`, unless given.
    """
    web = web or Web()
    doors = doors_of(service, Access(web.auth, reviewer, paces), limits or limits_of(web))
    described = document(doors)
    (webhook,) = (door for door in doors if door.who == ("alertmanager",))

    async def openapi(_: Request) -> Response:
        """The document; for anybody, since it is the same everywhere."""
        return Json(described)

    routes = [Route(door.path, strict(door), methods=[door.method]) for door in doors]
    return Starlette(
        routes=[*routes, Route("/openapi.json", openapi)],
        middleware=[Middleware(SecurityHeaders), Middleware(Shortcut, door=webhook)],
        exception_handlers={Refused: refused, HTTPException: not_served, Exception: failed},
    )


class Shortcut:
    """Middleware that brings Alertmanager's requests straight to their handler, which answers refusals itself: most
    requests are theirs, and Starlette's way there costs 4 to 16 % of one.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http" or scope["path"] != self._door.path or scope["method"] != self._door.method:
            await self._app(scope, receive, send)
            return
        response = await self._door.handler(Request(scope, receive, send))
        await response(scope, receive, send)


def strict(door: Door) -> Handler:
    """A door's handler, which refuses parameters that it does not know: a slip of the pen is no wish for everything."""
    known = {each.name for each in door.query}
    if door.who in (("anybody",), ("alertmanager",)):
        return door.handler

    async def asked(request: Request) -> Response:
        if unknown := [name for name in request.query_params if name not in known]:
            right = f"known are {', '.join(sorted(known))}" if known else "it has none"
            raise Refused(400, f"there is no parameter {unknown[0][:50]!r} here; {right}")
        if len(request.query_params.multi_items()) > len(request.query_params):
            raise Refused(400, "a parameter is given twice; give each once")
        return await door.handler(request)

    return asked


class SecurityHeaders:
    """Middleware that tells browsers to neither interpret, frame, store nor leak what is answered."""

    HEADERS = (
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    )

    _RAW = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS)

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to its answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                added = [pair for pair in self._RAW if pair[0] not in given]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self._app(scope, receive, with_headers)
