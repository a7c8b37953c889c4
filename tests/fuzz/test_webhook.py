"""Damaged payloads through the webhook, the inbox and what becomes of them: no crash, no 5xx but 503, bounded memory.

`FUZZ` is how many, 50,000 unless it is set; `make soak` takes a million.
"""

from __future__ import annotations

import os
import resource
from collections import Counter
from typing import Any

from remediator.core.fold import fold
from remediator.core.model import Json, Ref
from remediator.core.observations import Elected, Reloaded
from remediator.core.rules import Matcher, MatchOp, TargetSpec, When
from remediator.core.state import State
from remediator.decide import decide
from remediator.journal.memory import MemoryJournal
from remediator.ports import NotFound
from remediator.server.app import build
from remediator.sources.alerts import arrived
from tests.fuzz.mutations import payloads
from tests.unit.builders import START, policy, rule
from tests.unit.server.conftest import FakeService

COUNT = int(os.environ.get("FUZZ", "50000"))
SEED = 20260101
ROUND = 500
"""Payloads after which the inbox is worked on."""
MOST_GROWN = 64 * 1024
"""KiB by which the process may grow after a tenth of all payloads."""

RULES = (
    rule("web", when=When((Matcher("alertname", MatchOp.EQUAL, "Stuck"),)), target=TargetSpec("Deployment")),
    rule("any", when=When((Matcher("alertname", MatchOp.REGEX, ".+"),)), target=TargetSpec()),
)
SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "path": "/webhook/alertmanager",
    "raw_path": b"/webhook/alertmanager",
    "root_path": "",
    "query_string": b"",
    "headers": [(b"host", b"127.0.0.1:8080"), (b"content-type", b"application/json")],
    "client": ("127.0.0.1", 50000),
    "server": ("127.0.0.1", 8080),
}


class Apart:
    """The product without sockets: the webhook's application, an inbox, rules, and an API server with one object."""

    def __init__(self) -> None:
        self.service, self.statuses = FakeService(), Counter[int]()
        self.app = build(self.service)
        self.state = fold(decide(State(), Elected("one"), START).events)
        self.state = fold(decide(self.state, Reloaded(policy(), RULES), START).events, self.state)

    async def get(self, ref: Ref) -> Json:
        if ref.name != "web":
            raise NotFound("gone")
        return {"kind": ref.resource.kind, "metadata": {"name": "web", "uid": "1"}}

    async def post(self, body: bytes) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.statuses[message["status"]] += 1

        await self.app(dict(SCOPE), receive, send)

    async def work(self) -> None:
        """All that waits becomes sightings, and those are decided on; each payload as if it were the first."""
        for receipt in await self.service.journal.waiting(limit=ROUND):
            decide(self.state, await arrived(self, self.state, receipt), START)  # type: ignore[arg-type]
        self.service.journal = MemoryJournal()


async def test_whatever_comes_is_taken_or_refused_and_nothing_grows() -> None:
    apart, begun = Apart(), 0
    for number, body in enumerate(payloads(SEED, COUNT), 1):
        try:
            await apart.post(body)
            if number % ROUND == 0:
                await apart.work()
        except Exception as error:
            raise AssertionError(f"payload {number} of seed {SEED}: {body[:2000]!r}") from error
        if number == COUNT // 10:
            begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun
    assert set(apart.statuses) <= {200, 400, 413, 503}, apart.statuses
    assert sum(apart.statuses.values()) == COUNT
    assert min(apart.statuses[200], apart.statuses[400]) > COUNT // 10, apart.statuses
    assert grown <= MOST_GROWN, f"grown by {grown} KiB after the first tenth"
