"""A Prometheus that fails in every way it can, over real HTTP: what an incident of a query makes of each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from remediator.clients.prometheus import Prometheus
from remediator.core.events import Event, Source
from remediator.decide import decide
from tests.unit.clients.api_server import ApiServer, Reply, answer, cut_off, drip, hang, nonsense, reset, running
from tests.unit.sources.test_queries import House, asking

PATIENCE = 0.2
LABELS = {"namespace": "shop", "deployment": "web"}


def success(result: Any, kind: str = "vector", ahead: float = 0.0, **rest: Any) -> Reply:
    """An answer with this result, of a server whose clock is so many seconds ahead."""

    async def reply(connection: Any) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
        content = {"status": "success", "data": {"resultType": kind, "result": result}, **rest}
        await answer(200, content, Date=date)(connection)

    return reply


def failure(status: int, kind: str, text: str) -> Reply:
    return answer(status, {"status": "error", "errorType": kind, "error": text})


def one(value: str) -> list[dict[str, Any]]:
    return [{"metric": LABELS, "value": [1767225600, value]}]


FAULTS: dict[str, tuple[Reply, str]] = {
    "never answers": (hang, "did not answer within 0.2 s"),
    "answers a byte at a time": (drip, "did not answer within 0.2 s"),
    "breaks the connection": (reset, "cannot be asked: "),
    "breaks off in the middle": (cut_off(200, b'{"status":"success","data":'), "cannot be asked: "),
    "speaks no HTTP": (nonsense, "cannot be asked: "),
    "is not ready: 503 in plain text": (answer(503, b"Service Unavailable"), "answered 503: Service Unavailable"),
    "times out itself": (failure(503, "timeout", "query timed out"), "answered 503 timeout: query timed out"),
    "is asked too much": (failure(422, "execution", "too many samples"), "answered 422 execution: too many samples"),
    "does not take the query": (failure(400, "bad_data", "parse error"), "answered 400 bad_data: parse error"),
    "does not know us": (answer(401, b"Unauthorized"), "answered 401: Unauthorized"),
    "is a sign-in page": (answer(200, b"<html>sign in</html>"), "answered 200: <html>sign in</html>"),
    "warns": (success(one("7"), warnings=["store-1 is away"]), "the answer may be partial: store-1 is away"),
    "answers in part": (success([], isPartial=True), "the answer is partial"),
    "answers with one number": (success([1, "7"], "scalar"), "the result is one number without labels"),
    "answers with a text": (success([1, "a"], "string"), "the result is a text"),
    "answers with a range": (success([], "matrix"), "the result is a range of values"),
    "has a series twice": (success(one("7") + one("8")), "the result has two series of the same labels"),
    "has a clock of its own": (success(one("7"), ahead=60), "s ahead of ours"),
}
UNKNOWN_VALUES = {
    "NaN": one("NaN"),
    "+Inf": one("+Inf"),
    "-Inf": one("-Inf"),
    "a histogram": [{"metric": LABELS, "histogram": [1767225600, {"count": "1", "sum": "1"}]}],
}


class FarHouse(House):
    """A loop whose Prometheus is a real server, and what it would write into the journal."""

    written: list[Event]

    def __init__(self, server: ApiServer) -> None:
        self.prometheus, self.server, self.written = Prometheus(server.url), server, []
        super().__init__(asking())

    async def ask(self, query: str, instant: datetime) -> Any:
        return await self.prometheus.query(query, instant)

    def see(self, observation: Any) -> None:
        self.written += decide(self.state, observation, self.now()).events
        super().see(observation)

    async def ticks(self, reply: Reply, times: int = 1) -> list[str]:
        """So many ticks, each answered so; the status of all sightings that they brought."""
        self.server.reply, seen = reply, []
        self.prometheus.timeout = PATIENCE if reply in (hang, drip) else 120.0
        for _ in range(times):
            self.seconds += 30
            self.brought.clear()
            await self.queries.tick_all()
            seen += [each.status for asked in self.brought for each in asked.sightings]
        return seen

    @property
    def lights(self) -> list[tuple[bool, str]]:
        """What the journal says of the rule's query: whether it could be gone by, and why not."""
        said = [each.data for each in self.written if each.rule]
        return [(each.up, each.reason) for each in said if isinstance(each, Source)]


@pytest.fixture
async def house() -> AsyncIterator[FarHouse]:
    async with running() as server:
        made = FarHouse(server)
        yield made
        await made.prometheus.aclose()


@pytest.mark.parametrize("fault", FAULTS)
async def test_it_neither_fires_nor_clears_and_is_said_once_until_good_answers_came_twice(
    house: FarHouse, fault: str
) -> None:
    reply, reason = FAULTS[fault]
    assert await house.ticks(reply) == [], "it begins nothing"
    assert await house.ticks(success(one("1"))) == ["firing"]
    await house.ticks(success(one("1")))
    (incident,) = house.state.incidents.values()
    assert house.queries.with_value(incident).value == 1.0

    assert await house.ticks(reply, 3) == [], "nor does it end anything"
    (incident,) = house.state.incidents.values()
    assert incident.cleared_at is None
    assert house.state.is_dark(incident), "nothing is done about what is in the dark"
    assert house.queries.with_value(incident).value is None
    ((up, said),) = house.lights
    assert not up
    assert reason in said

    assert await house.ticks(success([])) == [], "the first answer may come before the first scrape"
    assert await house.ticks(success([])) == ["resolved"]
    assert [up for up, _ in house.lights] == [False, True]


@pytest.mark.parametrize("what", UNKNOWN_VALUES)
async def test_a_value_that_is_none_neither_fires_nor_clears(house: FarHouse, what: str) -> None:
    odd = success(UNKNOWN_VALUES[what])
    assert await house.ticks(odd, 2) == []
    assert await house.ticks(success(one("1"))) == ["firing"]
    assert await house.ticks(odd, 3) == []
    (incident,) = house.state.incidents.values()
    assert incident.cleared_at is None
    assert house.queries.with_value(incident).value is None, "and no condition on the value holds"
    assert await house.ticks(success([]), 2) == ["resolved"]


async def test_hints_are_no_fault(house: FarHouse) -> None:
    assert await house.ticks(success(one("1"), infos=["metric might not be a counter"])) == ["firing"]
    assert house.lights == []
