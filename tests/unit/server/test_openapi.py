"""The API keeps to its own document: made from what serves it, and tried by schemathesis with all that it allows and
forbids.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.routing import Route

from remediator.config.settings import Operator, Web, WebAuth
from remediator.core.diagnosis import Diagnosis, PodState
from remediator.core.events import Event, IncidentOpened, Pause
from remediator.core.model import Mode, Target
from remediator.core.observations import Answered, Paused
from remediator.journal.chain import chained, record_of
from remediator.journal.memory import MemoryJournal
from remediator.rate import Pace
from remediator.server.access import Access
from remediator.server.app import build
from remediator.server.doors import doors_of
from remediator.server.openapi import document
from remediator.server.paces import Paces
from remediator.server.webhook import limits_of
from remediator.views import IncidentStory, PauseView, StatusView
from tests.unit.server.conftest import FakeService

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def examples(path: str) -> int:
    """Requests of each kind to a door: six, of the webhook's large ones one; under the profile `soak` very many."""
    usual = settings().max_examples // 16
    return max(1, usual if path.startswith("/api") else usual // 6)


def incident() -> IncidentStory:
    return IncidentStory(
        "abc", "undo-bad-rollout", "Deployment", "shop", "web", "held", AT, 1, "rollback", "why", AT, "p1",
        alert="Stuck", diagnosis=Diagnosis(AT, (PodState("web-1"),)),
    )  # fmt: skip


class Full(FakeService):
    """A service with something of everything."""

    def __init__(self) -> None:
        super().__init__()
        self.journal = Lines()
        self.open = [incident()]
        self.standing = [PauseView("1a2b", "", "shop", "", "why", None, "operator:alice", AT)]
        self.ending = True  # so that followers are let go at once

    async def status(self) -> Any:
        return StatusView("0", "me", "in charge", AT, "", Mode.OBSERVE, 1, 2, 3, {"held": 1}, 0, 1)

    async def incidents(self, after: str, limit: int) -> Any:
        if after:
            raise ValueError(after)
        return await super().incidents("", limit)

    async def incident(self, id_: str) -> Any:
        return incident() if id_ == "abc" else None

    async def answer(self, answered: Answered) -> str:
        return "" if answered.plan == "p1" else "not counted"

    async def pause(self, said: Paused) -> tuple[Pause, ...]:
        return (said.pause,)


class Lines(MemoryJournal):
    """A journal with two lines, which is no business of an event loop: schemathesis has one a request."""

    def __init__(self) -> None:
        super().__init__()
        target = Target("Deployment", "shop", "web")
        events = [Event(AT, IncidentOpened(), "abc", "r", target), Event(AT, IncidentOpened())]
        self._records = [record_of(line) for line in chained(events, (0, ""), after=0)]


def auth(folder: Path) -> WebAuth:
    (folder / "token").write_text("token")
    operators = (Operator("alice", str(folder / "token"), ("view", "approve", "admin")),)
    return WebAuth(str(folder / "token"), operators=operators)


def served(folder: Path) -> Any:
    """The document as it is served, and what serves it, for schemathesis."""
    app = build(Full(), Web(auth=auth(folder)), paces=Paces(Pace(1e9, 1e9), Pace(1e9, 1e9)))
    return schemathesis.openapi.from_asgi("/openapi.json", app)


_UNTOLD = ("/api/v1/pause", "/api/v1/resume", "/api/v1/incidents", "/api/v1/explain/{name}")
UNTOLD = {path: [positive_data_acceptance] for path in _UNTOLD}
"""Where no schema can say what is right: what a pause names must be there, a mark be that of a page, and what is
supposed be JSON.
"""

DOORS = [f"{door.method} {door.path}" for door in doors_of(FakeService(), Access(WebAuth()), limits_of(Web()))]


@pytest.mark.hypothesis
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
@pytest.mark.parametrize("door", DOORS)
def test_the_api_keeps_to_its_document(tmp_path: Path, door: str, mode: GenerationMode) -> None:
    """What the document allows is answered as it says, what it forbids is refused, and nothing fails."""
    method, path = door.split(" ")
    cases = served(tmp_path)[path][method].as_strategy(generation_mode=mode)

    @given(case=cases)
    @settings(
        max_examples=examples(path),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    def holds(case: Any) -> None:
        case.call_and_validate(headers={"Authorization": "Bearer token"}, excluded_checks=UNTOLD.get(path, []))

    try:
        holds()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "a door without a parameter can be asked in one way only"


def test_every_route_is_a_door_of_the_document() -> None:
    service = FakeService()
    described = document(doors_of(service, Access(WebAuth()), limits_of(Web())))["paths"]
    routes = [route for route in build(service).routes if isinstance(route, Route)]
    served = {(route.path, method.lower()) for route in routes for method in route.methods or ()}
    assert {(path, method) for path, methods in described.items() for method in methods} == {
        (path, method) for path, method in served if method != "head" and path != "/openapi.json"
    }


def test_every_reference_leads_somewhere() -> None:
    made = document(doors_of(FakeService(), Access(WebAuth()), limits_of(Web())))
    text = msgspec.json.encode(made).decode()
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) == set(made["components"]["schemas"])
