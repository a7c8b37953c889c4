"""A person's word over HTTP: `POST /api/v1/incidents/ID/approve|deny`, bound to the plan that the person was shown."""

from __future__ import annotations

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from remediator.core.model import Value
from remediator.core.observations import Answered
from remediator.server.access import Access, Role
from remediator.server.body import Body
from remediator.server.refusal import Json, Refused
from remediator.server.service import Service

LARGEST = 16 * 1024
"""Bytes of an answer's body."""


class Word(Value, frozen=True, forbid_unknown_fields=True):
    """The body: which plan is meant, as `/api/v1/incidents/ID` shows it, and why."""

    plan: str
    reason: str = ""


class Answers:
    """The two endpoints. 200 where the answer counted, 409 where it came too late or for another plan."""

    def __init__(self, service: Service, access: Access) -> None:
        self._service, self._access = service, access

    async def approve(self, request: Request) -> Response:
        """The plan may be carried out."""
        return await self._answer(request, True)

    async def deny(self, request: Request) -> Response:
        """The plan may not be carried out."""
        return await self._answer(request, False)

    async def _answer(self, request: Request, approve: bool) -> Response:
        name = self._access.operator(request, Role.APPROVE)
        if elsewhere := self._service.standing_by():
            raise Refused(503, f"{elsewhere}: ask again, the next connection may reach that one")
        word = await _word(request)
        said = Answered(request.path_params["id"], word.plan, approve, name, word.reason[:1000])
        problem = await self._service.answer(said)
        if problem:
            raise Refused(409, problem)
        return Json({"incident": said.incident, "plan": word.plan, "approved": approve, "by": name})


async def _word(request: Request) -> Word:
    body = b""
    try:
        async for part in Body(request).parts():
            body += part
            if len(body) > LARGEST:
                raise Refused(413, f"an answer has at most {LARGEST} bytes")
        return msgspec.json.decode(body, type=Word)
    except (msgspec.DecodeError, ClientDisconnect) as error:
        example = '{"plan": "…", "reason": "…"}'
        raise Refused(400, f"the body must be {example}, with the plan of GET /api/v1/incidents/ID: {error}") from error
