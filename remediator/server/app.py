"""The routes on one page, and what every answer carries."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from remediator.config.settings import Web
from remediator.server.access import Access
from remediator.server.answers import Answers
from remediator.server.pauses import Pauses
from remediator.server.refusal import Refused, failed, not_served, refused
from remediator.server.reviews import Reviewer
from remediator.server.service import Service
from remediator.server.views import Views
from remediator.server.webhook import Limits, Webhook, limits_of


def build(
    service: Service, web: Web | None = None, limits: Limits | None = None, reviewer: Reviewer | None = None
) -> Starlette:
    """The ASGI application over a running service. Without settings nobody has a token: see `Access`. `limits` are
    those that the settings name, unless given. `reviewer` judges Kubernetes tokens, where the settings ask for it.
    """
    web = web or Web()
    access = Access(web.auth, reviewer)
    webhook, views = Webhook(service, access, limits or limits_of(web)), Views(service, access)
    answers, pauses = Answers(service, access), Pauses(service, access)
    routes = [
        Route("/webhook/alertmanager", webhook.take, methods=["POST"]),
        Route("/healthz", views.healthz),
        Route("/readyz", views.readyz),
        Route("/metrics", views.metrics),
        Route("/api/v1/status", views.status),
        Route("/api/v1/incidents", views.incidents),
        Route("/api/v1/incidents/{id}", views.incident),
        Route("/api/v1/incidents/{id}/approve", answers.approve, methods=["POST"]),
        Route("/api/v1/incidents/{id}/deny", answers.deny, methods=["POST"]),
        Route("/api/v1/pauses", pauses.standing),
        Route("/api/v1/pause", pauses.pause, methods=["POST"]),
        Route("/api/v1/resume", pauses.resume, methods=["POST"]),
        Route("/api/v1/journal", views.journal),
        Route("/-/reload", views.reload, methods=["POST"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={Refused: refused, HTTPException: not_served, Exception: failed},
    )


class SecurityHeaders:
    """Middleware that tells browsers to neither interpret, frame, store nor leak what is answered."""

    HEADERS = (
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    )

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to its answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.HEADERS:
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)
