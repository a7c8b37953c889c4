"""Reconciliation over real HTTP: what an Alertmanager holds against what the journal believes, tick by tick."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from remediator.clients.alertmanager import fingerprint
from remediator.clients.alertmanager_api import AlertmanagerApi
from remediator.clients.http_config import HttpConfig
from remediator.clients.outbound import Outbound
from remediator.core.fold import fold
from remediator.core.fold.place import keep
from remediator.core.kinds import ref_of
from remediator.core.model import Json, OutcomeStatus, Ref, Verb
from remediator.core.observations import Asked, Elected, Reloaded
from remediator.core.progress import Progress, Written
from remediator.core.rules import Matcher, MatchOp, TargetSpec, When
from remediator.core.state import Incident, State
from remediator.decide import decide
from remediator.ports import NotFound, Unavailable
from remediator.sources.reconciliation import SHARED, Alerting, Reconciliation
from tests.unit.builders import at, policy, rule
from tests.unit.clients.api_server import ApiServer, Connection, answer, running

RULE = rule("undo", when=When((Matcher("alertname", MatchOp.EQUAL, "Stuck"),)), target=TargetSpec("Deployment"))
BOOT = "2026-01-01T00:00:00Z"


def held(name: str = "web", state: str = "active", receiver: str = "web.hook", **why: list[str]) -> Json:
    labels = {"alertname": "Stuck", "namespace": "shop", "deployment": name}
    empty: dict[str, list[str]] = {"silencedBy": [], "inhibitedBy": [], "mutedBy": []}
    return {
        "labels": labels,
        "annotations": {},
        "startsAt": BOOT,
        "endsAt": "2026-01-01T01:00:00Z",
        "updatedAt": BOOT,
        "fingerprint": fingerprint(labels),
        "receivers": [{"name": receiver}],
        "status": {"state": state} | empty | why,
        "generatorURL": "",
    }


class Held:
    """An Alertmanager that holds what the test says."""

    def __init__(self, server: ApiServer) -> None:
        self.server, self.alerts, self.boot, self.cluster = server, [], BOOT, "ready"
        server.reply = self.reply

    alerts: list[Any]

    async def reply(self, connection: Connection) -> None:
        status = {"uptime": self.boot, "cluster": {"status": self.cluster}, "config": {"original": "x"}}
        said = status if self.server.last.path.endswith("/status") else self.alerts
        await answer(200, json.dumps(said).encode())(connection)


class House:
    """A loop without a journal, with an API server that has every object but those that are gone."""

    def __init__(self, *servers: ApiServer, receiver: str = "web.hook") -> None:
        self.state, self.seconds = State(), 0.0
        self.outbound, self.why, self.gone, self.brought = Outbound(), "", False, []
        self.see(Elected("one"))
        self.see(Reloaded(policy(), (RULE,)))
        apis = tuple(AlertmanagerApi(each.url, 10, HttpConfig(), self.outbound) for each in servers)
        alerting = Alerting(apis, self.doubt, 60.0, receiver)
        self.alerts = Reconciliation(alerting, self, self, lambda: self.state, self.bring)  # type: ignore[arg-type]

    brought: list[Asked]

    def now(self) -> Any:
        return at(self.seconds)

    async def doubt(self, labels: dict[str, str]) -> str:
        return self.why

    async def get(self, ref: Ref) -> Json:
        if self.gone:
            raise NotFound("gone")
        return {"kind": ref.resource.kind, "metadata": {"name": ref.name, "uid": f"uid-{ref.name}"}}

    async def bring(self, asked: Asked) -> None:
        self.brought.append(asked)
        self.see(asked)

    def see(self, observation: Any) -> None:
        self.state = fold(decide(self.state, observation, self.now()).events, self.state)

    async def tick(self, times: int = 1) -> list[str]:
        """So many ticks; what the last one brought."""
        for _ in range(times):
            self.brought.clear()
            self.seconds += 60
            await self.alerts.tick()
        return [seen.status for asked in self.brought for seen in asked.sightings]

    async def silences(self) -> tuple[str, ...]:
        self.alerts._held._task = None  # ask anew, whatever the time
        return await self.alerts.silences(self, self.state, self.incident, {})  # type: ignore[arg-type]

    @property
    def incident(self) -> Incident:
        (only,) = self.state.incidents.values()
        return only

    @property
    def open(self) -> list[str]:
        return sorted(one.target.name for one in self.state.incidents.values() if one.cleared_at is None)


@pytest.fixture
async def one() -> AsyncIterator[Held]:
    async with running() as server:
        yield Held(server)


@pytest.fixture
async def two() -> AsyncIterator[Held]:
    async with running() as server:
        yield Held(server)


@pytest.fixture
async def house(one: Held) -> AsyncIterator[House]:
    made = House(one.server)
    yield made
    await made.outbound.close()


async def test_what_no_webhook_brought_is_seen_once(house: House, one: Held) -> None:
    one.alerts = [held("web"), held("api")]
    assert await house.tick() == ["firing", "firing"]
    assert house.open == ["api", "web"]
    assert await house.tick(3) == []
    assert house.brought == []


@pytest.mark.parametrize(
    "alert",
    [
        held(state="suppressed", silencedBy=["3f"]),
        held(state="suppressed", inhibitedBy=["12"]),
        held(state="active", mutedBy=["nights"]),
        held(state="unprocessed"),
        held(receiver="somebody-else"),
    ],
    ids=["silenced", "inhibited", "muted", "unprocessed", "others"],
)
async def test_what_we_would_not_be_told_of_opens_nothing(house: House, one: Held, alert: Json) -> None:
    one.alerts = [alert]
    assert await house.tick(4) == []
    assert house.open == []


async def test_whose_webhooks_come_is_learnt(one: Held) -> None:
    house = House(one.server, receiver="")
    one.alerts = [held()]
    assert await house.tick() == []
    house.alerts.heard(r"web\.hook")
    assert await house.tick() == ["firing"]
    await house.outbound.close()


async def test_an_end_that_never_came_is_believed_the_third_time(house: House, one: Held) -> None:
    one.alerts = [held()]
    await house.tick()
    one.alerts = []
    assert await house.tick(2) == []
    assert house.open == ["web"]
    assert await house.tick() == ["resolved"]
    assert house.open == []


async def test_a_restarted_alertmanager_begins_empty_and_that_is_no_end(house: House, one: Held) -> None:
    one.alerts = [held()]
    await house.tick()
    one.alerts = []
    await house.tick(2)
    one.boot = "2026-01-01T02:00:00Z"
    assert await house.tick(2) == []
    one.alerts = [held()]
    assert await house.tick(5) == []
    assert house.open == ["web"]


@pytest.mark.parametrize("problem", ["settling", "odd"])
async def test_what_may_be_incomplete_is_no_end(house: House, one: Held, problem: str) -> None:
    one.alerts = [held()]
    await house.tick()
    one.cluster = "settling" if problem == "settling" else "ready"
    one.alerts = [] if problem == "settling" else [{"labels": 5}]
    assert await house.tick(5) == []
    assert house.open == ["web"]


@pytest.mark.parametrize("reply", [answer(503, b"starting"), answer(200, b"<html>"), answer(401), answer(200, {})])
async def test_an_alertmanager_that_does_not_say_is_darkness_and_no_end(house: House, one: Held, reply: Any) -> None:
    one.alerts = [held()]
    await house.tick()
    one.server.reply = reply
    assert await house.tick(5) == []
    assert house.state.is_dark(house.incident)
    assert "alertmanager|" in house.state.dark
    with pytest.raises(Unavailable, match="Alertmanager cannot be asked"):
        await house.silences()
    one.server.reply = one.reply
    await house.tick()
    assert not house.state.dark


async def test_an_end_in_doubt_is_said_and_asked_about_again(house: House, one: Held) -> None:
    one.alerts = [held()]
    await house.tick()
    one.alerts, house.why = [], "its rule fails"
    assert await house.tick(3) == ["doubted"]
    assert house.incident.signals[0].doubt == "its rule fails"
    house.why = ""
    assert await house.tick() == ["resolved"]


@pytest.mark.parametrize("alert", [held(), held(state="suppressed", silencedBy=["3f"])], ids=["active", "silenced"])
async def test_after_a_doubt_an_alert_that_is_there_again_is_evidence_again(
    house: House, one: Held, alert: Json
) -> None:
    one.alerts = [held()]
    await house.tick()
    one.alerts, house.why = [], "its rule fails"
    await house.tick(3)
    one.alerts = [alert]
    assert await house.tick() == ["firing"]
    assert house.incident.doubted_at is None
    assert await house.tick() == []


async def test_what_speaks_of_no_target_is_said_once(house: House, one: Held) -> None:
    house.gone = True
    one.alerts = [held()]
    assert await house.tick() == ["firing"]
    assert await house.tick() == []


class TestSilences:
    """What keeps hands off an incident, asked right before something is done."""

    @pytest.mark.parametrize(
        ("alerts", "said"),
        [
            ([held()], ()),
            ([held(state="suppressed", silencedBy=["b", "a"])], ("Stuck is silenced by a, b",)),
            ([held(state="suppressed", inhibitedBy=["12"])], ("Stuck is inhibited by 12",)),
            ([held(state="active", mutedBy=["nights"])], ("Stuck is muted by nights",)),
            ([held(state="unprocessed")], ("Stuck is unprocessed in Alertmanager",)),
            ([], ("Alertmanager holds none of the 1 alerts of it at present",)),
        ],
    )
    async def test_are_told_with_their_reason(self, house: House, one: Held, alerts: list[Json], said: Any) -> None:
        one.alerts = [held()]
        await house.tick()
        one.alerts = alerts
        assert await house.silences() == said

    @pytest.mark.parametrize(
        ("fired", "said"), [(0.0, ()), (SHARED, ("Alertmanager holds none of the 1 alerts of it at present",))]
    )
    async def test_an_answer_that_others_shared_before_an_alert_fired_says_nothing_of_it(
        self, house: House, one: Held, fired: float, said: Any
    ) -> None:
        one.alerts = [held()]
        await house.tick()
        one.alerts = []
        await house.alerts._held.get(0.0)
        one.alerts = [held()]
        house.seconds += fired
        assert await house.alerts.silences(house, house.state, house.incident, {}) == said  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("alerts", "said"),
        [([], ()), ([held(state="suppressed", silencedBy=["a"])], ("Stuck is silenced by a",))],
    )
    async def test_a_drain_goes_on_though_its_cordon_has_ended_the_alert(
        self, house: House, one: Held, alerts: list[Json], said: Any
    ) -> None:
        one.alerts = [held()]
        await house.tick()
        cordoned = Written("i-1", Verb.PATCH, ref_of(house.incident.target), "u", OutcomeStatus.APPLIED)
        begun = replace(house.incident, progress=Progress(at(0), at(600), done=(cordoned,)))
        house.state = keep(house.state, begun)
        one.alerts = alerts
        assert await house.silences() == said


class TestTwo:
    """Two Alertmanagers of one cluster hold the same alerts."""

    @pytest.fixture
    async def both(self, one: Held, two: Held) -> AsyncIterator[House]:
        made = House(one.server, two.server)
        yield made
        await made.outbound.close()

    async def test_duplicates_are_one(self, both: House, one: Held, two: Held) -> None:
        one.alerts, two.alerts = [held()], [held()]
        assert await both.tick() == ["firing"]

    async def test_what_one_holds_is_there(self, both: House, one: Held, two: Held) -> None:
        one.alerts, two.alerts = [held()], []
        assert await both.tick() == ["firing"]
        one.alerts, two.alerts = [], [held()]
        assert await both.tick(5) == []

    async def test_a_silence_at_one_is_a_silence(self, both: House, one: Held, two: Held) -> None:
        one.alerts, two.alerts = [held()], [held()]
        await both.tick()
        two.alerts = [held(state="suppressed", silencedBy=["a"])]
        assert await both.silences() == ("Stuck is silenced by a",)

    async def test_while_one_does_not_answer_the_other_is_enough_to_see_and_none_to_end(
        self, both: House, one: Held, two: Held
    ) -> None:
        one.alerts, two.server.reply = [held()], answer(503)
        assert await both.tick() == ["firing"]
        assert await both.silences() == ()
        one.alerts = []
        assert await both.tick(5) == []
        two.server.reply = two.reply
        assert await both.tick(3) == ["resolved"]


async def test_without_alertmanager_only_doubts_are_asked_about_again() -> None:
    house = House()
    assert await house.tick() == []
    await house.outbound.close()
