"""Answers other than success: one JSON object that says what is wrong and what to do next."""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from remediator import metrics
from remediator.logs import logger
from remediator.rate import Rate
from remediator.server.paces import LINES

RETRY_SECONDS = 5
"""`Retry-After` of a 503 or 429."""

log = logger("server")
_lines = Rate(LINES)


class Refused(Exception):
    """The request is not carried out; `reason` is one line for the caller."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Json(Response):
    """A response whose content msgspec encodes."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """The content as JSON."""
        return msgspec.json.encode(content)


def refused(request: Request, error: Exception) -> Response:
    """The answer to a `Refused`. The connection ends with it: the rest of an unread body is nobody's."""
    assert isinstance(error, Refused)
    _log(request, error)
    headers = {"Connection": "close"}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="remediator", Basic realm="remediator"'
    if error.status in (429, 503):
        headers["Retry-After"] = str(RETRY_SECONDS)
    return Json({"error": error.reason}, error.status, headers)


def not_served(request: Request, error: Exception) -> Response:
    """The answer where there is no such route or method."""
    assert isinstance(error, HTTPException)
    reason = f"{error.detail}: {request.method} {request.url.path[:200]}; see docs/http.md for what there is"
    return Json({"error": reason}, error.status_code, error.headers)


def failed(_: Request, error: Exception) -> Response:
    """The answer where our own code failed; the traceback is in the log, not here."""
    return Json({"error": f"the service failed ({type(error).__name__}); its log tells more"}, 500)


def _log(request: Request, error: Refused) -> None:
    """A line for each refusal, as long as they are not so many that they would fill the disk."""
    metrics.REFUSALS.labels(str(error.status)).inc()
    if not _lines.take():
        return
    client = request.scope.get("client")
    about = {"status": error.status, "method": request.method, "path": request.url.path[:200]}
    log.warning("refused", **about, client=client[0] if client else "", problem=error.reason)
