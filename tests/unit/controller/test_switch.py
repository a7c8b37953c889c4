"""A ConfigMap that pauses everything: its coming and going are events, and what cannot be read changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from remediator.core.events import Pause
from remediator.core.model import Json, Ref
from remediator.core.observations import Paused
from remediator.ports import ClusterError, Forbidden, NotFound, Unavailable
from remediator.switch import EVERY, ID, LONGEST, NOT_ALLOWED, Switch, place
from tests.unit.builders import ESCALATE, policy, rule
from tests.unit.controller.house import House
from tests.unit.playing import shop

REF = place("remediator", "remediator-pause")


class Cluster:
    """Has the ConfigMap, has it not, or does not answer."""

    def __init__(self) -> None:
        self.answer: Json | ClusterError = NotFound("none", status=404)
        self.asked = 0

    async def get(self, ref: Ref) -> Json:
        self.asked += 1
        assert ref == REF
        if isinstance(self.answer, ClusterError):
            raise self.answer
        return self.answer


class Site:
    def __init__(self, house: House) -> None:
        self.house, self.cluster, self.in_charge = house, Cluster(), True
        self.process = house.start()
        switch = Switch(
            self.cluster,  # type: ignore[arg-type]
            house.world.clock,
            REF,
            lambda: self.process.controller,
            lambda: self.in_charge,
        )
        house.loop.start(switch.run(), self.process.group)

    def pauses(self) -> list[tuple[bool, str]]:
        self.house.wait(EVERY + 1)
        return [(each.lifted, each.reason) for each in self.house.all("pause")]


@pytest.fixture
def site() -> Iterator[Site]:
    house = House(shop(), policy(), rule("undo-bad-rollout", "rollback", ESCALATE))
    yield Site(house)
    house.close()


def configmap(**data: str) -> Json:
    return {"metadata": {"name": "remediator-pause"}, "data": data}


def test_it_pauses_while_it_is_there_and_is_said_once(site: Site) -> None:
    assert site.pauses() == []
    site.cluster.answer = configmap(reason="upgrade\x1b[2J\n")
    assert site.pauses() == [(False, "upgrade\\x1b[2J")]
    assert site.pauses() == [(False, "upgrade\\x1b[2J")]
    (standing,) = site.process.controller.state.pauses.values()
    assert standing.by == "operator:kubernetes:ConfigMap/remediator/remediator-pause"
    site.cluster.answer = NotFound("gone", status=404)
    assert site.pauses()[1:] == [(True, "ConfigMap/remediator/remediator-pause is gone")]
    assert not site.process.controller.state.pauses


@pytest.mark.parametrize("answer", [{}, {"data": None}, configmap(reason="x" * 5000)], ids=["bare", "null", "long"])
def test_whatever_is_in_it_it_is_there(site: Site, answer: Json) -> None:
    site.cluster.answer = answer
    ((lifted, reason),) = site.pauses()
    assert (lifted, len(reason) <= LONGEST) == (False, True)


@pytest.mark.parametrize("error", [Unavailable("no answer"), Forbidden("forbidden")])
def test_what_cannot_be_read_changes_nothing(site: Site, error: ClusterError) -> None:
    site.cluster.answer = configmap(reason="upgrade")
    assert len(site.pauses()) == 1
    site.cluster.answer = error
    assert len(site.pauses()) == 1
    assert ID in site.process.controller.state.pauses


def test_where_the_account_may_not_it_is_seldom_asked(site: Site) -> None:
    site.cluster.answer = Forbidden("forbidden")
    site.house.wait(NOT_ALLOWED - 10)
    assert site.cluster.asked <= 2


def test_one_that_stands_by_says_nothing(site: Site) -> None:
    site.in_charge = False
    site.cluster.answer = configmap(reason="upgrade")
    assert site.pauses() == []


def test_who_lifts_it_while_it_is_there_is_overruled(site: Site) -> None:
    site.cluster.answer = configmap(reason="upgrade")
    site.pauses()
    site.house.run(site.process.controller.ask(Paused(Pause(ID, lifted=True), "alice")))
    assert [lifted for lifted, _ in site.pauses()] == [False, True, False]
