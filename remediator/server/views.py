"""What the API shows: health, metrics, status, incidents and journal; and the one thing it changes, a reload."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from remediator import metrics
from remediator.core.guarding import GuardSettings
from remediator.journal.canonical import text_of
from remediator.ports import JournalError
from remediator.repeat import Supposed
from remediator.server.access import Access, Role
from remediator.server.refusal import Json, Refused
from remediator.server.service import Service

T = TypeVar("T")

STATES = ("open", "past")
MOST_ITEMS = 1000
"""Items of one page."""
_USUAL_ITEMS = 100


class Views:
    """The endpoints, each of which first asks `Access` where it shows more than health and metrics."""

    def __init__(self, service: Service, access: Access) -> None:
        self._service, self._access = service, access

    async def healthz(self, _: Request) -> Response:
        """The process answers. No other condition: a restart cures nothing else."""
        return PlainTextResponse("ok\n")

    async def readyz(self, _: Request) -> Response:
        """Every check with its answer; 503 where one fails."""
        checks = await self._service.checks()
        ready = all(check.ok for check in checks)
        return Json({"ready": ready, "checks": checks}, 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        """The metrics, in the text format that the scraper prefers."""
        self._service.measure()
        body, content_type = metrics.exposition(request.headers.get("accept", ""))
        return Response(body, media_type=content_type)

    async def status(self, request: Request) -> Response:
        """The service on one page."""
        await self._access.operator(request, Role.VIEW)
        return Json(await self._service.status())

    async def incidents(self, request: Request) -> Response:
        """One page of open or of past incidents."""
        await self._access.operator(request, Role.VIEW)
        state, limit = request.query_params.get("state", "open"), _limit(request)
        if state not in STATES:
            raise Refused(400, f"state must be {' or '.join(STATES)}, not {state[:50]!r}")
        if state == "past":
            before = _whole(request, "after", 0) or None
            return Json(await self._read(self._service.past(before, min(limit, _USUAL_ITEMS))))
        try:
            return Json(await self._service.incidents(request.query_params.get("after", ""), limit))
        except ValueError as error:
            raise Refused(400, "after: it is not the `next` of a page; begin again without it") from error

    async def explain(self, request: Request) -> Response:
        """Why the last decision of an incident or rule was what it was."""
        await self._access.operator(request, Role.VIEW)
        name, at = request.path_params["name"], _instant(request, "at")
        found = await self._read(self._service.explain(name, at, _supposed(request)))
        if found is None:
            raise Refused(
                404,
                f"there is no incident and no rule {name[:100]!r}; GET /api/v1/incidents and /api/v1/rules list them",
            )
        return Json(found)

    async def rules(self, request: Request) -> Response:
        """The rules in force."""
        await self._access.operator(request, Role.VIEW)
        return Json({"items": self._service.rules()})

    async def incident(self, request: Request) -> Response:
        """One incident in full."""
        await self._access.operator(request, Role.VIEW)
        id_ = request.path_params["id"]
        found = await self._read(self._service.incident(id_))
        if found is None:
            raise _no_incident(id_)
        return Json(found)

    async def story(self, request: Request) -> Response:
        """The journal lines of one incident, in order."""
        await self._access.operator(request, Role.VIEW)
        id_ = request.path_params["id"]
        lines = await self._read(self._service.journal.story(id_, MOST_ITEMS))
        if not lines:
            raise _no_incident(id_)
        return _lines(lines, lines[-1]["seq"])

    async def journal(self, request: Request) -> Response:
        """Journal lines after a sequence number, exactly as an export has them, so that their chain can be checked."""
        await self._access.operator(request, Role.VIEW)
        after, limit = _whole(request, "after", 0), _limit(request)
        lines = await self._read(self._service.journal.lines(after, limit))
        return _lines(lines, lines[-1]["seq"] if lines else after)

    async def reload(self, request: Request) -> Response:
        """Read the rule files again: 200 where they are in force, 422 with every mistake where the old ones stay."""
        name = await self._access.operator(request, Role.ADMIN)
        mistakes = tuple(await self._service.reload(f"operator:{name}"))
        if mistakes:
            return Json({"error": "the rules were not changed", "mistakes": mistakes}, 422)
        return Json({"reloaded": True})

    async def _read(self, asked: Awaitable[T]) -> T:
        """What the journal answers; 503 where it cannot."""
        try:
            return await asked
        except JournalError as error:
            raise Refused(503, f"the journal cannot be read: {error}") from error


def _no_incident(id_: str) -> Refused:
    return Refused(
        404, f"there is no incident {id_[:100]!r}; GET /api/v1/incidents lists them, with state=past the closed ones"
    )


def _lines(lines: Sequence[dict[str, Any]], following: int) -> Response:
    """Lines in the spelling of an export, so that their chain can be checked."""
    items = ",".join(map(text_of, lines))
    return Response(f'{{"items":[{items}],"next":"{following}"}}', media_type="application/json")


def _supposed(request: Request) -> Supposed | None:
    """Other settings than those of then; None where the query has none."""
    text = request.query_params.get("what_if")
    if not text:
        return None
    try:
        said = msgspec.json.decode(text)
        found = msgspec.convert(said, Supposed)
        strange = sorted({*said} - {*Supposed.__struct_fields__})
        strange += sorted({*said.get("guards", {})} - {*GuardSettings.__struct_fields__})
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Refused(400, f"what_if is not understood: {str(error)[:200]}") from error
    if strange:
        raise Refused(400, f"what_if speaks of {strange[0][:50]!r}; it may have guards and mode")
    return found


def _instant(request: Request, name: str) -> datetime | None:
    """An instant of the query, with a zone; None where it is absent."""
    text = request.query_params.get(name)
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        found = datetime.min
    if found is not None and found.tzinfo is None:
        raise Refused(
            400, f"{name} must be an instant with its zone, as 2026-01-31T12:00:00Z, not {(text or '')[:50]!r}"
        )
    return found


def _limit(request: Request) -> int:
    return max(1, min(_whole(request, "limit", _USUAL_ITEMS), MOST_ITEMS))


def _whole(request: Request, name: str, usual: int) -> int:
    """A whole number of the query, not negative and below 2^63."""
    text = request.query_params.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Refused(400, f"{name} must be a whole number, not {text[:50]!r}")
    return int(text)
