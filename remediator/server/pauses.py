"""Pausing over HTTP: `POST /api/v1/pause|resume`, and what stands at `GET /api/v1/pauses`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from msgspec import field
from starlette.requests import Request
from starlette.responses import Response

from remediator.core.durations import DurationError, parse_duration
from remediator.core.events import Pause
from remediator.core.kinds import names_object
from remediator.core.model import Value
from remediator.core.observations import Paused
from remediator.ports import JournalError
from remediator.server.access import Access, Role
from remediator.server.body import read_json
from remediator.server.refusal import Json, Refused
from remediator.server.service import Service, Undecided

LONGEST_REASON = 1000
"""Characters of a reason; what is longer is cut."""
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


class PauseAsked(Value, frozen=True, forbid_unknown_fields=True):
    """The body of a pause. `for` is a duration (`2h`), after which it ends by itself; absent: when somebody resumes.

    What it names, all of it, is what stands still: a rule, a namespace, a target (`Kind/namespace/name`); nothing named
    is everything.
    """

    rule: str = ""
    namespace: str = ""
    target: str = ""
    for_: str = field(default="", name="for")
    reason: str = ""


class ResumeAsked(Value, frozen=True, forbid_unknown_fields=True):
    """The body of a resume: the `id` of one pause, or the exact scope of one or more."""

    id: str = ""
    rule: str = ""
    namespace: str = ""
    target: str = ""
    reason: str = ""


class PauseSaid(Value, frozen=True):
    """A pause that began or ended, as it is answered; without an `id` where only breakers of `rule` were closed."""

    id: str
    rule: str
    namespace: str
    target: str
    reason: str
    until: datetime | None


class Pauses:
    """The three endpoints. Whoever may approve or administer may pause and resume."""

    def __init__(self, service: Service, access: Access) -> None:
        self._service, self._access = service, access

    async def standing(self, request: Request) -> Response:
        """The pauses that stand."""
        await self._access.operator(request, Role.VIEW)
        return Json({"items": self._service.pauses()})

    async def pause(self, request: Request) -> Response:
        """One more pause: 200 with it, once it is durable."""
        name = await self._access.operator(request, Role.APPROVE, Role.ADMIN)
        asked = await read_json(request, PauseAsked, '{"namespace": "shop", "for": "2h", "reason": "…"}')
        self._demand_known(asked.rule, asked.namespace, asked.target)
        until = _end(asked.for_, self._service.clock.now())
        said = Pause("", asked.rule, asked.namespace, asked.target, asked.reason[:LONGEST_REASON], until)
        begun = await self._say(Paused(said, name))
        if isinstance(begun, Response):
            return begun
        if not begun:
            raise Refused(409, "too many pauses stand already; resume some: GET /api/v1/pauses lists them")
        return Json({"paused": _shown(begun[0]), "by": name})

    async def resume(self, request: Request) -> Response:
        """The end of a pause or several: 200 with those that were lifted, none where none was of exactly this scope."""
        name = await self._access.operator(request, Role.APPROVE, Role.ADMIN)
        asked = await read_json(request, ResumeAsked, '{"id": "…"} or {"namespace": "shop", "reason": "…"}')
        if not asked.id:
            self._demand_known("", asked.namespace, asked.target)
        scope = asked.rule, asked.namespace, asked.target
        said = Pause(asked.id, *scope, asked.reason[:LONGEST_REASON], lifted=True)
        lifted = await self._say(Paused(said, name))
        if isinstance(lifted, Response):
            return lifted
        return Json({"resumed": [_shown(each) for each in lifted], "by": name})

    async def _say(self, said: Paused) -> tuple[Pause, ...] | Response:
        """The pauses that began or ended; 202 where the word is kept and nobody in charge has decided it yet."""
        if reason := self._service.refusing():
            raise Refused(503, f"not ready: {reason}")
        try:
            return await self._service.pause(said)
        except Undecided as error:
            return Json({"kept": True, "by": said.by, "detail": str(error)}, 202)
        except JournalError as error:
            raise Refused(503, f"not said: {error}") from error

    def _demand_known(self, rule: str, namespace: str, target: str) -> None:
        """A pause of something that is not there would look like one, and hold nothing back."""
        if rule and rule not in (known := [each.name for each in self._service.rules()]):
            raise Refused(422, f"there is no rule {rule[:100]!r}; {_named(known)}")
        if namespace and not _NAMESPACE.fullmatch(namespace):
            raise Refused(422, f"{namespace[:100]!r} is no namespace's name")
        if target:
            _demand_target(target)


def _shown(pause: Pause) -> PauseSaid:
    return PauseSaid(pause.id, pause.rule, pause.namespace, pause.target, pause.reason, pause.until)


def _named(known: list[str]) -> str:
    more = f" and {len(known) - 10} more" if len(known) > 10 else ""
    return f"there are {', '.join(known[:10])}{more}" if known else "no rules are loaded"


def _demand_target(target: str) -> None:
    if not names_object(target):
        right = "write Kind/namespace/name, as Deployment/shop/web, or Node/name"
        raise Refused(422, f"{target[:100]!r} is no target: {right}")


def _end(for_: str, now: datetime) -> datetime | None:
    """When a pause ends; None where no duration is given."""
    if not for_:
        return None
    try:
        seconds = parse_duration(for_)
        if not seconds:
            raise Refused(422, "for: 0 is no time; leave it out for a pause that ends when somebody resumes")
        return now + timedelta(seconds=seconds)
    except DurationError as error:
        raise Refused(422, f"for: {error.message}; {error.remedy}") from error
