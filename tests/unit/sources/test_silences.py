"""A crowd that is held back asks Alertmanager once in a while, all together; what is about to write asks anew."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from remediator.clients.alertmanager import fingerprint
from remediator.clients.alertmanager_api import STATUS, AlertmanagerApi
from remediator.clients.http_config import HttpConfig
from remediator.clients.outbound import NotPosted, Outbound, Question, Replied
from remediator.core.model import Json, Target
from remediator.core.observations import Looked
from remediator.core.rules import Matcher, MatchOp, Rule, When
from remediator.core.state import Incident, SeenSignal, State
from remediator.core.surroundings import Need
from remediator.sources.inquiries import Inquiries
from remediator.sources.looks import Looks
from remediator.sources.reconciliation import FRESH, SHARED, Alerting, Reconciliation
from tests.unit.builders import incident, policy, rule
from tests.unit.playing import ACCOUNT, play, shop, web

STUCK = When((Matcher("alertname", MatchOp.EQUAL, "Stuck"),))
FREE, HELD = rule(when=STUCK), rule(when=STUCK, conditions=("target.replicas == 99",))
CROWD, MINUTES = 100, 5


def labels(number: int) -> dict[str, str]:
    return {"alertname": "Stuck", "namespace": "shop", "deployment": "web", "case": str(number)}


class Alertmanager(Outbound):
    """Holds the alerts of all, counts how often it is asked for them, and silences all from an instant on."""

    def __init__(self) -> None:
        self.asked, self.silenced, self.down = 0, False, False

    async def ask(self, question: Question, config: HttpConfig) -> Replied:
        if self.down:
            raise NotPosted("connection refused")
        await asyncio.sleep(0.1)
        if question.url.endswith(STATUS):
            return Replied("alertmanager", 200, b'{"uptime": "2026-01-01T00:00:00Z", "cluster": {"status": "ready"}}')
        self.asked += 1
        return Replied("alertmanager", 200, msgspec.json.encode([self._held(number) for number in range(CROWD)]))

    def _held(self, number: int) -> Json:
        by = ["3f"] if self.silenced else []
        return {
            "labels": labels(number),
            "startsAt": "2026-01-01T00:00:00Z",
            "fingerprint": fingerprint(labels(number)),
            "receivers": [{"name": "web.hook"}],
            "status": {"state": "suppressed" if by else "active", "silencedBy": by},
        }


class Case:
    """A crowd of incidents of one rule about `shop/web`, and what looks at them."""

    def __init__(self, of: Rule) -> None:
        self.world, self.of, self.alertmanager = shop(), of, Alertmanager()
        world, self.state = self.world, State(policy=policy())
        api = AlertmanagerApi("http://alertmanager", 10.0, HttpConfig(), self.alertmanager)
        cluster, clock = world.cluster(ACCOUNT), world.clock
        self.alerts = Reconciliation(Alerting((api,), receiver="web.hook"), cluster, clock, lambda: self.state, _nobody)
        outside, anew = {Need.SILENCES: self.alerts.silences}, {Need.SILENCES: self.alerts.silences_now}
        self.looks = Looks(cluster, clock, Inquiries(None, clock), outside, anew)
        self.target = Target("Deployment", "shop", "web", web(world)["metadata"]["uid"])

    def incident(self, number: int = 0) -> Incident:
        now, said = self.world.clock.now(), labels(number)
        seen = SeenSignal(fingerprint(said), said, now)
        return incident(self.of, self.target, labels=said, opened_at=now, since=now, signals=(seen,))

    async def look(self, number: int = 0) -> Looked:
        return await self.looks.look(self.state, self.incident(number))

    async def silences_seen(self) -> tuple[str, ...]:
        return (await self.look()).snapshot.facts.around.silences or ()


async def _nobody(asked: object) -> None:
    """Nobody is told what a tick finds."""


async def _crowd(case: Case) -> None:
    """Each of a crowd is looked at every fifteen seconds, at an instant of its own."""

    async def one(number: int) -> None:
        await asyncio.sleep(number * 15.0 / CROWD)
        for _ in range(MINUTES * 4):
            await case.look(number)
            await asyncio.sleep(15.0)

    await asyncio.gather(*(one(number) for number in range(CROWD)))


def test_a_crowd_that_is_held_back_asks_once_in_fifteen_seconds():
    case = Case(HELD)
    play(case.world, _crowd(case))
    assert MINUTES * 60 / SHARED - 1 <= case.alertmanager.asked <= MINUTES * 60 / SHARED + 2


def test_those_who_look_at_the_same_moment_wait_for_one_answer():
    case = Case(FREE)

    async def together() -> list[Looked]:
        return await asyncio.gather(*(case.look(number) for number in range(CROWD)))

    assert all(seen.rehearsal is not None for seen in play(case.world, together()))
    assert case.alertmanager.asked == 1


@pytest.mark.parametrize(
    ("after", "seen"),
    [(0.5, False), (FRESH + 0.5, True), (SHARED - 1.0, True), (SHARED + 1.0, True)],
    ids=["within a second", "after one", "while those that are held share", "after that"],
)
def test_a_silence_that_is_set_meanwhile_is_seen_before_a_write(after: float, seen: bool):
    """A change is rehearsed, and so written, only where nothing holds it back by an answer of this second."""
    case = Case(FREE)

    async def later() -> Looked:
        assert (await case.look()).rehearsal is not None
        case.alertmanager.silenced = True
        await asyncio.sleep(after)
        return await case.look()

    looked = play(case.world, later())
    assert (looked.rehearsal is None) is seen
    assert looked.snapshot.facts.around.silences == (("Stuck is silenced by 3f",) if seen else ())


def test_that_it_is_silenced_is_believed_for_fifteen_seconds_and_then_asked_again():
    case = Case(FREE)
    case.alertmanager.silenced = True

    async def later() -> list[tuple[str, ...]]:
        before = await case.silences_seen()
        case.alertmanager.silenced = False
        await asyncio.sleep(SHARED - 1.0)
        shared = await case.silences_seen()
        await asyncio.sleep(2.0)
        return [before, shared, await case.silences_seen()]

    silenced = ("Stuck is silenced by 3f",)
    assert play(case.world, later()) == [silenced, silenced, ()]


def test_where_alertmanager_cannot_be_asked_any_more_nothing_is_written_on_what_it_said():
    case = Case(FREE)

    async def later() -> Looked:
        assert (await case.look()).rehearsal is not None
        case.alertmanager.down = True
        await asyncio.sleep(FRESH + 0.5)
        return await case.look()

    looked = play(case.world, later())
    assert looked.rehearsal is None
    assert "Alertmanager cannot be asked" in looked.snapshot.facts.around.unread["silences"]


def test_a_write_that_has_waited_rests_on_an_answer_of_this_second():
    case = Case(FREE)

    async def later() -> tuple[str, ...]:
        await case.look()
        case.alertmanager.silenced = True
        await asyncio.sleep(FRESH + 0.5)
        facts = await case.looks.look_again(case.state, case.incident())
        return facts.around.silences or ()

    assert play(case.world, later()) == ("Stuck is silenced by 3f",)


def test_a_tick_asks_anew_and_leaves_its_answer_to_the_looks():
    case = Case(HELD)

    async def later() -> int:
        await case.look()
        await asyncio.sleep(5.0)
        await case.alerts.tick()
        await asyncio.sleep(8.0)
        await case.look()
        return case.alertmanager.asked

    assert play(case.world, later()) == 2
