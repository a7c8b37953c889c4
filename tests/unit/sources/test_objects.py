"""Rules on objects of the cluster, in a whole controller over a simulated cluster: signals on change, and the dark."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from remediator import metrics
from remediator.controller import Controller, Habits, Ports
from remediator.core.kinds import KINDS
from remediator.core.model import Json, Mode, PatchType, Ref
from remediator.core.observations import Reloaded
from remediator.core.rules import GuardSettings, ObjectSpec, Policy, Rule, Step, TargetSpec, Until, When
from remediator.mailbox import MOST_MAILS
from remediator.simulation import objects
from remediator.simulation.cluster import SimulatedCluster
from remediator.simulation.faults import Fault, FaultKind
from remediator.sources.objects import MAX_AGE
from tests.unit.controller.house import House
from tests.unit.playing import roll_out, shop

CORDONED = ObjectSpec("Node", where="object.spec.unschedulable == true")
STUCK = ObjectSpec("Deployment", "shop", where="!ready(object)")
POLICY = Policy(mode=Mode.ENFORCE, guards=GuardSettings(startup_grace=0.0))
TELL = (Step("escalate", {"receiver": "oncall"}),)


def rule(name: str, spec: ObjectSpec, target: str = "", for_: float = 0.0, **more: Any) -> Rule:
    when = When(for_=for_, object=spec)
    more = {"do": TELL, **more}
    return Rule(name=name, group="g", when=when, target=TargetSpec(target or spec.kind), **more)


@pytest.fixture
def houses() -> Iterator[Any]:
    made: list[House] = []

    def make(*rules: Rule) -> House:
        made.append(House(shop(), POLICY, *rules))
        made[-1].start()
        made[-1].wait(10)
        return made[-1]

    yield make
    for house in made:
        house.close()


def patch(house: House, kind: str, name: str, body: Json, namespace: str = "") -> None:
    house.world.server.patch(Ref(KINDS[kind], namespace, name), body, PatchType.MERGE)
    house.wait(1)


def cordon(house: House, name: str = "node-1", value: bool | None = True) -> None:
    """As kubectl does; uncordoning takes the field away."""
    patch(house, "Node", name, {"spec": {"unschedulable": value}})


def reload(house: House, *rules: Rule) -> None:
    house.run(house.processes[-1].controller.tell(Reloaded(POLICY, rules)))
    house.wait(10)


def signals(house: House) -> list[str]:
    return [
        f"{data.status} {data.labels.get('kind', '')}/{data.labels.get('name', '')}" for data in house.all("signal")
    ]


def asked(house: House, verb: str) -> list[str]:
    """The kinds that were asked for by a verb."""
    return [entry.request.kind for entry in house.world.audit.entries if entry.request.verb == verb]


def sources(house: House) -> list[tuple[bool, str]]:
    return [(event.data.up, event.rule) for event in house.events() if event.kind == "source"]


class TestSignals:
    def test_an_object_fires_on_the_change_that_makes_it_meet_the_condition_and_clears_on_the_one_that_ends_it(
        self, houses: Any
    ) -> None:
        house = houses(rule("cordoned", CORDONED))
        assert signals(house) == []
        cordon(house)
        assert signals(house) == ["firing Node/node-1"]
        (event,) = [each for each in house.events() if each.kind == "signal"]
        assert (str(event.target), event.data.source) == ("Node/node-1", "kubernetes")
        assert event.data.labels == {"kind": "Node", "name": "node-1", "node": "node-1"}
        cordon(house, value=None)
        assert signals(house) == ["firing Node/node-1", "resolved Node/node-1"]
        assert [data.reason for data in house.all("incident_closed")] == ["refused"]

    def test_what_meets_it_before_the_start_fires_at_the_start(self, houses: Any) -> None:
        house = houses()
        cordon(house)
        reload(house, rule("cordoned", CORDONED))
        assert signals(house) == ["firing Node/node-1"]

    def test_for_counts_from_the_change(self, houses: Any) -> None:
        house = houses(rule("cordoned", CORDONED, for_=60.0))
        cordon(house)
        house.wait(50)
        assert house.all("decision") == []
        house.wait(15)
        assert [data.result for data in house.all("decision")] == ["act"]

    def test_an_object_that_is_deleted_is_over(self, houses: Any) -> None:
        spec = ObjectSpec("Pod", "shop", "app=lonely", "object.status.phase == 'Running'")
        house = houses(rule("lonely", spec, for_=600.0))
        house.world.create(objects.pod("lonely", "shop"))
        house.wait(10)
        assert signals(house) == ["firing Pod/lonely"]
        house.world.server.delete(Ref(KINDS["Pod"], "shop", "lonely"), grace=0)
        house.wait(5)
        assert signals(house) == ["firing Pod/lonely", "resolved Pod/lonely"]

    def test_a_selector_alone_is_a_signal_and_ends_with_the_label(self, houses: Any) -> None:
        house = houses(rule("marked", ObjectSpec("Deployment", selector="repair=please"), for_=600.0))
        patch(house, "Deployment", "web", {"metadata": {"labels": {"repair": "please"}}}, "shop")
        assert signals(house) == ["firing Deployment/web"]
        patch(house, "Deployment", "web", {"metadata": {"labels": {"repair": None}}}, "shop")
        assert signals(house) == ["firing Deployment/web", "resolved Deployment/web"]

    def test_a_pod_is_followed_to_its_live_owner(self, houses: Any) -> None:
        spec = ObjectSpec("Pod", "shop", where="object.status.phase == 'Running'")
        house = houses(Rule(name="running", group="g", when=When(object=spec), target=TargetSpec(), do=TELL))
        events = [event for event in house.events() if event.kind == "signal"]
        assert {str(event.target) for event in events} == {"Deployment/shop/web"}
        assert len(events) == 3
        assert house.kinds().count("incident_opened") == 1

    def test_a_value_that_is_missing_is_unknown_and_neither_fires_nor_clears(self, houses: Any) -> None:
        spec = ObjectSpec("Node", where="object.metadata.labels.state == 'bad'")
        house = houses(rule("bad", spec, for_=600.0))
        patch(house, "Node", "node-1", {"metadata": {"labels": {"state": "bad"}}})
        assert signals(house) == ["firing Node/node-1"]
        patch(house, "Node", "node-1", {"metadata": {"labels": {"state": None}}})
        assert signals(house) == ["firing Node/node-1"]
        patch(house, "Node", "node-1", {"metadata": {"labels": {"state": "good"}}})
        assert signals(house) == ["firing Node/node-1", "resolved Node/node-1"]

    def test_the_condition_is_asked_again_on_the_live_object_before_anything_is_done(self, houses: Any) -> None:
        restart = rule("stuck", STUCK, for_=30.0, do=(Step("restart"),), until=Until(for_=5.0))
        house = houses(restart)
        roll_out(house.world, "registry.example/app:broken")
        house.wait(2)
        assert signals(house) == ["firing Deployment/web"]
        house.world.faults.add(Fault(FaultKind.UNREACHABLE, verbs=("watch",), count=0))
        house.world.watches.close()  # from here on no change is seen
        roll_out(house.world, "registry.example/app:1")
        house.wait(40)
        (decision,) = house.all("decision")
        assert decision.result == "hold"
        assert "condition does not hold: when.object: !ready(object)" in str(decision.verdicts)
        assert house.all("intent") == []


class TestDark:
    """While the cache is old, nothing acts and nothing clears."""

    def blinded(self, houses: Any, *rules: Rule) -> House:
        house = houses(*rules)
        cordon(house)
        house.world.faults.add(*(Fault(FaultKind.UNREACHABLE, verbs=(verb,), count=0) for verb in ("watch", "list")))
        house.world.watches.close()
        return house

    def test_an_old_cache_is_said_once_and_what_it_last_showed_neither_acts_nor_clears(self, houses: Any) -> None:
        house = self.blinded(houses, rule("cordoned", CORDONED, for_=3 * MAX_AGE))
        house.wait(MAX_AGE + 60)
        assert sources(house) == [(False, "cordoned")]
        cordon(house, value=None)
        house.wait(4 * MAX_AGE)
        assert signals(house) == ["firing Node/node-1"]
        assert house.all("decision") == []
        assert len(sources(house)) == 1

    def test_when_it_is_current_again_what_is_over_clears(self, houses: Any) -> None:
        house = self.blinded(houses, rule("cordoned", CORDONED, for_=3 * MAX_AGE))
        house.wait(2 * MAX_AGE)
        cordon(house, value=None)
        house.world.faults.lift()
        house.wait(90)
        assert sources(house) == [(False, "cordoned"), (True, "cordoned")]
        assert signals(house) == ["firing Node/node-1", "resolved Node/node-1"]

    def test_the_time_in_the_dark_counts_for_nothing(self, houses: Any) -> None:
        house = self.blinded(houses, rule("cordoned", CORDONED, for_=2 * MAX_AGE))
        house.wait(4 * MAX_AGE)
        house.world.faults.lift()
        house.wait(90)
        assert house.all("decision") == []
        house.wait(2 * MAX_AGE)
        assert [data.result for data in house.all("decision")] == ["act"]

    def test_after_a_start_nothing_is_believed_until_all_was_listed(self, houses: Any) -> None:
        house = houses(rule("cordoned", CORDONED, for_=60.0))
        cordon(house)
        house.processes[-1].kill()
        cordon(house, value=None)
        house.world.faults.add(Fault(FaultKind.UNREACHABLE, verbs=("list",), count=0))
        house.start()
        house.wait(200)
        assert (signals(house), house.all("decision")) == (["firing Node/node-1"], [])
        house.world.faults.lift()
        house.wait(90)
        assert signals(house) == ["firing Node/node-1", "resolved Node/node-1"]

    def test_an_object_that_still_meets_it_after_a_start_goes_on(self, houses: Any) -> None:
        house = houses(rule("cordoned", CORDONED, for_=120.0))
        cordon(house)
        house.wait(60)
        house.processes[-1].kill()
        house.start()
        house.wait(90)
        assert signals(house) == ["firing Node/node-1"]
        assert [data.result for data in house.all("decision")] == ["act"]


def shown_age(kind: str) -> float | None:
    return metrics.REGISTRY.get_sample_value("remediator_cache_age_seconds", {"kind": kind})


class TestFollowing:
    def test_how_old_the_cache_of_each_kind_is_is_shown_as_long_as_rules_speak_of_it(self, houses: Any) -> None:
        house = houses(rule("cordoned", CORDONED))
        objects_of = house.processes[-1].controller.objects
        house.world.faults.add(Fault(FaultKind.UNREACHABLE, verbs=("watch",), count=0))
        house.world.watches.close()
        house.wait(MAX_AGE + 10)
        objects_of.measure()
        assert MAX_AGE < (shown_age("Node") or 0.0) <= MAX_AGE + 60
        reload(house, rule("stuck", STUCK))
        objects_of.measure()
        assert shown_age("Node") is None
        assert shown_age("Deployment") is not None

    def test_a_custom_kind_that_the_server_does_not_have_is_told_and_waited_for(self, houses: Any) -> None:
        house = houses(rule("broken", ObjectSpec("Ring.v1.example.com", where="object.spec.broken == true")))
        (problem,) = house.processes[-1].controller.objects.unsynced()
        assert "Ring.v1.example.com" in problem
        assert house.all("signal") == []

    def test_only_the_kinds_that_rules_name_are_asked_for(self, houses: Any) -> None:
        house = houses(rule("cordoned", CORDONED))
        assert set(asked(house, "list")) == {"Node"}
        assert set(asked(house, "watch")) == {"Node"}

    def test_a_reload_adds_and_removes_kinds(self, houses: Any) -> None:
        house = houses(rule("cordoned", CORDONED))
        reload(house, rule("stuck", STUCK))
        assert asked(house, "list") == ["Node", "Deployment"]
        cordon(house)
        roll_out(house.world, "registry.example/app:broken")
        house.wait(5)
        assert signals(house) == ["firing Deployment/web"]
        reload(house)
        assert "incident_closed" in house.kinds()

    def test_a_reload_that_leaves_a_rule_as_it_is_does_not_list_again(self, houses: Any) -> None:
        house = houses(rule("cordoned", CORDONED))
        reload(house, rule("cordoned", CORDONED), rule("stuck", STUCK))
        assert asked(house, "list") == ["Node", "Deployment"]

    def test_a_version_that_is_too_old_is_a_new_list_of_which_only_the_difference_is_said(self, houses: Any) -> None:
        house = houses(rule("cordoned", CORDONED))
        cordon(house, "node-1")
        house.world.faults.add(Fault(FaultKind.UNREACHABLE, verbs=("watch",), count=0))
        house.world.watches.close()
        cordon(house, "node-2")
        cordon(house, "node-1", value=None)
        house.world.store.compact()
        house.world.faults.lift()
        house.wait(90)
        assert sorted(signals(house)) == ["firing Node/node-1", "firing Node/node-2", "resolved Node/node-1"]
        assert asked(house, "list").count("Node") == 2

    def test_a_server_that_is_down_is_asked_ever_more_rarely(self, houses: Any) -> None:
        house = houses(rule("cordoned", CORDONED))
        house.world.faults.add(Fault(FaultKind.UNREACHABLE, verbs=("watch",), count=0))
        house.world.watches.close()
        before = house.world.faults.injected.get("unreachable", 0)
        house.wait(600)
        tries = house.world.faults.injected["unreachable"] - before
        assert 600 / 30 <= tries <= 600 / 15 + 10

    def test_a_server_that_ends_every_watch_at_once_is_not_asked_without_a_pause(self, houses: Any) -> None:
        house = houses(rule("cordoned", CORDONED))
        before = len(asked(house, "watch"))
        for _ in range(60):
            house.world.watches.close()
            house.wait(1)
        assert len(asked(house, "watch")) - before < 15

    def test_what_the_account_may_not_see_is_told_and_tried_again(self, houses: Any) -> None:
        house = houses()
        house.world.authorise = lambda request: request.verb != "list" or request.kind != "Node"
        reload(house, rule("cordoned", CORDONED))
        (problem,) = house.processes[-1].controller.objects.unsynced()
        assert problem.startswith("nodes: ")
        house.world.authorise = lambda request: True
        house.wait(60)
        assert house.processes[-1].controller.objects.unsynced() == ()


class TestStandingBy:
    """A replica that stands by knows the objects already, and says nothing of them before it is in charge."""

    @staticmethod
    def standing_by(house: House) -> tuple[Controller, asyncio.Task[None]]:
        cluster = SimulatedCluster(house.world, "standby")
        ports = Ports(house.journal, cluster, house.receiver, house.world.clock)
        controller = Controller(ports, Habits("standby"))
        task = house.loop.start(controller.follow(lambda: None))
        house.wait(10)
        return controller, task

    def test_it_lists_before_and_not_again_when_it_takes_over(self, houses: Any) -> None:
        house = houses(rule("cordoned", CORDONED))
        controller, following = self.standing_by(house)
        assert controller.objects.unsynced() == ()
        cordon(house)
        assert signals(house) == ["firing Node/node-1"], "told once, by the one in charge"

        house.processes[-1].kill()
        cordon(house, value=None)
        assert signals(house) == ["firing Node/node-1"], "nobody is in charge"
        lists = asked(house, "list")
        following.cancel()
        house.loop.start(controller.run(house.rules))
        house.wait(0.5)
        assert signals(house) == ["firing Node/node-1", "resolved Node/node-1"], "what it saw meanwhile, at once"
        assert asked(house, "list") == lists

    def test_it_follows_what_the_rules_in_force_speak_of(self, houses: Any) -> None:
        house = houses(rule("cordoned", CORDONED))
        controller, following = self.standing_by(house)
        reload(house, rule("stuck", STUCK))
        roll_out(house.world, "registry.example/app:broken")
        house.wait(30)
        following.cancel()
        house.processes[-1].kill()
        house.loop.start(controller.run(Reloaded(POLICY, (rule("stuck", STUCK),))))
        house.wait(0.5)
        assert asked(house, "list").count("Deployment") == 2, "each of the two listed once"

    def test_however_much_changes_meanwhile_it_stays_current(self, houses: Any) -> None:
        house = houses(rule("cordoned", CORDONED))
        controller, following = self.standing_by(house)
        for number in range(MOST_MAILS + 2):
            cordon(house, value=number % 2 == 0 or None)
        house.wait(2 * MAX_AGE)
        assert controller.objects.unsynced() == ()
        following.cancel()
        house.processes[-1].kill()
        cordon(house)
        house.loop.start(controller.run(house.rules))
        house.wait(0.5)
        assert signals(house)[-1] == "firing Node/node-1"

    def test_one_that_is_asked_to_end_follows_nothing_any_more(self, houses: Any) -> None:
        house = houses(rule("cordoned", CORDONED))
        tasks = len(asyncio.all_tasks(house.loop))
        controller, following = self.standing_by(house)
        house.run(controller.stop())
        following.cancel()
        house.wait(0.5)
        assert len(asyncio.all_tasks(house.loop)) == tasks
