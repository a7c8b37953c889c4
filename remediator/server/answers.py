"""A person's word over HTTP: `POST /api/v1/incidents/ID/approve|deny`, bound to the plan that the person was shown."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from remediator.core.model import Value
from remediator.core.observations import Answered
from remediator.server.access import Access, Barred, Role
from remediator.server.body import read_json
from remediator.server.refusal import Json, Refused
from remediator.server.service import Service, Undecided

EXAMPLE = '{"plan": "…", "reason": "…"}, with the plan of GET /api/v1/incidents/ID'


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
        if reason := self._service.refusing():
            raise Refused(503, f"not ready: {reason}")
        try:
            name, barred = await self._access.operator(request, Role.APPROVE), None
        except Barred as error:
            name, barred = error.name, error
        word = await read_json(request, Word, EXAMPLE)
        objection = barred.reason if barred else ""
        said = Answered(request.path_params["id"], word.plan[:100], approve, name, word.reason[:1000], objection)
        answer = {"incident": said.incident, "plan": word.plan, "approved": approve, "by": name}
        try:
            problem = await self._service.answer(said)
        except Undecided as error:
            return Json({"kept": True, "detail": str(error), **answer}, 202)
        if barred:
            raise barred
        if problem:
            raise Refused(409, problem)
        return Json(answer)
