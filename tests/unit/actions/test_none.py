"""Action `none`: for rules that only diagnose. Nothing is written and nobody is told; the diagnosis is kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from remediator.actions.none import ACTION
from remediator.core.model import Mode
from remediator.core.observations import Reloaded
from remediator.core.rules import Rule, Step, TargetSpec, When
from remediator.simulation import objects
from remediator.simulation.world import World
from tests.unit.builders import ESCALATE, matcher, policy, rule
from tests.unit.controller.house import House
from tests.unit.playing import ACCOUNT


def test_it_takes_no_arguments_and_plans_nothing():
    assert ACTION.check({}) == ()
    assert ACTION.check({"receiver": "oncall"})[0].startswith("unknown argument 'receiver'")
    assert (ACTION.plan, ACTION.undo, ACTION.tells) == (None, None, False)


def looking(*further: str | Step) -> Rule:
    return rule("look", "none", *further, when=When((matcher("alertname", "Stuck"),)), target=TargetSpec("Deployment"))


@pytest.fixture
def house() -> Iterator[House]:
    world = World(namespaces=("kube-system", "shop"))
    world.create(objects.deployment("web", "shop", replicas=2))
    world.advance(3600)
    built = House(world, policy(), looking())
    yield built
    built.close()


def test_the_target_is_diagnosed_nothing_is_written_and_the_end_is_that_of_the_signal(house):
    house.start()
    house.alert()
    house.wait(30)
    (decision,) = house.all("decision")
    assert (decision.action, decision.result, decision.then) == ("none", "act", "next")
    assert len(house.all("diagnosis")) == 1
    assert (house.all("intent"), house.all("notice")) == ([], [])
    assert house.world.audit.writes(ACCOUNT) == []
    house.alert(status="resolved")
    house.wait(30)
    assert [each.reason for each in house.all("incident_closed")] == ["resolved"]


def test_the_ladder_goes_on_to_its_person(house):
    house.rules = Reloaded(house.rules.policy, (looking(ESCALATE),))
    house.start()
    house.alert()
    house.wait(30)
    assert [each.action for each in house.all("decision")] == ["none", "escalate"]
    assert [each.status for each in house.all("escalated")] == ["requested", "delivered"]


def test_where_all_is_off_nobody_looks(house):
    house.rules = Reloaded(policy(mode=Mode.OFF), (looking(),))
    house.start()
    house.alert()
    house.wait(30)
    assert [each.result for each in house.all("decision")] == ["deny"]
    assert house.all("diagnosis") == []
