from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
import pytest

from remediator.clock import SystemClock
from remediator.config.settings import Web, WebAuth
from remediator.core.events import Pause
from remediator.core.model import Mode
from remediator.core.observations import Answered, Paused
from remediator.journal.memory import MemoryJournal
from remediator.repeat import Supposed
from remediator.server.app import build
from remediator.server.paces import Paces
from remediator.server.run import Serving, serve
from remediator.server.service import Check, Page
from remediator.server.webhook import Limits
from remediator.views import Explanation, RuleView

PAYLOAD = b'{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "a"}}, 5]}'


def _rule(name: str) -> RuleView:
    return RuleView(name, "g", Mode.OBSERVE, "alertmanager", '{alertname="A"}', "Deployment", ("restart",), 0)


class FakeService:
    """A service that holds still: what it answers is set by the test."""

    def __init__(self) -> None:
        self.journal: Any = MemoryJournal()
        self.clock = SystemClock()
        self.reason = ""
        self.woken = 0
        self.answers = [Check("rules", True), Check("journal", True), Check("cluster", True)]
        self.open: list[Any] = []
        self.mistakes: list[str] = []
        self.reloaded_by: list[str] = []
        self.measured = 0
        self.answered: list[Answered] = []
        self.problem = self.elsewhere = ""
        self.said: list[Paused] = []
        self.standing: list[Any] = []
        self.fails: Exception | None = None
        self.in_force = [_rule(name) for name in ("restart-leaking-cache", "undo-bad-rollout")]
        self.explained: Any = None
        self.supposed: Supposed | None = None
        self.asked_before: int | None = None
        self.ending = False

    def refusing(self) -> str:
        return self.reason

    def standing_by(self) -> str:
        return self.elsewhere

    def received(self) -> None:
        self.woken += 1

    async def checks(self) -> Sequence[Check]:
        return self.answers

    async def status(self) -> Any:
        return {"version": "0", "mode": "observe"}

    async def incidents(self, after: str, limit: int) -> Page:
        start = int(after or 0)
        part = tuple(self.open[start : start + limit])
        return Page(part, str(start + limit) if start + limit < len(self.open) else "")

    async def incident(self, id_: str) -> Any | None:
        return next((one for one in self.open if one["id"] == id_), None)

    def measure(self) -> None:
        self.measured += 1

    async def answer(self, answered: Answered) -> str:
        self.answered.append(answered)
        if self.fails:
            raise self.fails
        return self.problem

    def pauses(self) -> Sequence[Any]:
        return self.standing

    async def past(self, before: int | None, limit: int) -> Page:
        self.asked_before = before
        return Page(tuple(self.open[:limit]), "7" if self.open else "")

    async def explain(self, name: str, at: Any, supposed: Supposed | None = None) -> Explanation | None:
        self.explained, self.supposed = (name, at), supposed
        return Explanation("", name, note="why") if name in ("abc", "undo-bad-rollout") else None

    def rules(self) -> Sequence[Any]:
        return self.in_force

    def head(self) -> int:
        return len(self.journal._records)

    def is_ending(self) -> bool:
        return self.ending

    async def pause(self, said: Paused) -> tuple[Pause, ...]:
        self.said.append(said)
        if self.fails:
            raise self.fails
        return (said.pause,)

    async def reload(self, actor: str) -> Sequence[str]:
        self.reloaded_by.append(actor)
        return self.mistakes


class Site:
    """A served application with a client; `restart` serves it anew with other credentials or limits."""

    def __init__(self, service: FakeService, client: aiohttp.ClientSession) -> None:
        self.service, self.client = service, client
        self.serving: Serving | None = None

    async def restart(
        self, auth: WebAuth | None = None, limits: Limits | None = None, paces: Paces | None = None
    ) -> None:
        await self.stop()
        app = build(self.service, Web(auth=auth or WebAuth()), limits, paces=paces)
        self.service.ending = False
        self.serving = await serve(app, "127.0.0.1:0", grace=1)

    async def stop(self) -> None:
        self.service.ending = True
        if self.serving is not None:
            await self.serving.stop()

    @property
    def port(self) -> int:
        assert self.serving is not None
        return self.serving.port

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        async with self.client.get(f"http://127.0.0.1:{self.port}{path}", headers=headers) as response:
            return response.status, await response.json()

    async def post(self, path: str, body: Any = PAYLOAD, **headers: str) -> tuple[int, Any]:
        async with self.client.post(f"http://127.0.0.1:{self.port}{path}", data=body, headers=headers) as response:
            return response.status, await response.json()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with aiohttp.ClientSession() as client:
        site = Site(FakeService(), client)
        await site.restart()
        yield site
        await site.stop()
