"""A step of several writes, told by `drain`: each write an intent of its own, and no crash loses or doubles one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from remediator.core.cordoning import is_cordoned
from remediator.core.events import Pause
from remediator.core.kinds import KINDS
from remediator.core.model import Mode, OutcomeStatus, PatchType, Phase, Ref
from remediator.core.observations import Paused, Reloaded
from remediator.core.rules import Budget, GuardSettings, Step, Until
from remediator.simulation import objects
from remediator.simulation.controllers.nodes import KUBELET
from remediator.simulation.faults import Fault, FaultKind
from remediator.views import incident_view
from tests.unit.builders import ESCALATE, policy
from tests.unit.controller.draining import (
    NODE,
    alert,
    change_node,
    cordons,
    draining,
    evictions,
    node,
    pods_on,
    resolving,
    world,
)
from tests.unit.controller.house import House, Process
from tests.unit.playing import ACCOUNT

BUDGET = Ref(KINDS["PodDisruptionBudget"], "shop", "db")
UNDO = Until(for_=10.0, within=300.0, on_failure="undo")


@pytest.fixture
def house() -> Iterator[House]:
    """`node-1` runs two pods of `shop/web` and one of a DaemonSet."""
    built = House(world(), policy(), draining())
    yield built
    built.close()


def rules(house: House, *ladder: Step | str, **fields: object) -> None:
    house.rules = Reloaded(house.rules.policy, (draining(*ladder, **fields),))


def pause(house: House, process: Process, *, lifted: bool) -> None:
    """Somebody pauses everything, or lets it go on."""
    said = Paused(Pause("stop", reason="maintenance", lifted=lifted), "alice")
    house.loop.start(process.controller.tell(said), process.group)


def told(house: House) -> str:
    """Why the step failed, as the journal has it."""
    (failed,) = [each for each in house.all("verification") if each.result == "failed"]
    return failed.detail


def test_the_node_is_cordoned_and_its_pods_evicted_one_by_one(house):
    before = sorted(pod["metadata"]["name"] for pod in pods_on(house.world))
    house.start()
    alert(house)
    house.wait(120)
    assert (cordons(house.world), evictions(house.world)) == ([True], before)
    assert (pods_on(house.world), len(pods_on(house.world, app="agent"))) == ([], 1)
    assert house.all("incident_closed")[0].reason == "recovered"


def test_each_write_is_an_intent_of_its_own_under_one_decision_and_one_deadline(house):
    house.start()
    alert(house)
    house.wait(120)
    intents = house.all("intent")
    assert [(each.part, each.left) for each in intents] == [(1, 2), (2, 1), (3, 0)]
    assert len({each.id for each in intents}) == 3
    assert len({each.until for each in intents}) == 1
    assert [each.status for each in house.all("outcome")] == [OutcomeStatus.APPLIED] * 3
    acts = [each for each in house.all("decision") if each.result == "act"]
    assert acts[0].outlook == ("cordon Node/node-1", *(f"evict shop/{name}" for name in evictions(house.world)))


def test_the_budget_and_the_place_in_flight_count_the_step_once(house):
    house.rules = Reloaded(policy(guards=GuardSettings(budget=Budget(1, 3600.0))), (draining(),))
    house.start()
    alert(house)
    house.wait(120)
    assert house.all("incident_closed")[0].reason == "recovered"
    assert [len(times) for times in house.processes[-1].controller.state.spent.values()] == [1, 1, 1]


def test_observe_mode_rehearses_the_first_write_and_shows_them_all(house):
    house.rules = Reloaded(policy(mode=Mode.OBSERVE), (draining(),))
    house.start()
    alert(house)
    house.wait(60)
    assert house.world.audit.writes(ACCOUNT) == []
    (decision,) = [each for each in house.all("decision") if each.result == "observe"]
    assert len(decision.outlook) == 3
    assert [each.status for each in house.all("outcome")] == [OutcomeStatus.REHEARSED]


# What holds a write back


def test_a_pod_at_its_budgets_limit_is_passed_over_and_asked_for_again(house):
    house.world.create(objects.deployment("db", "shop", replicas=3))
    house.world.create(objects.disruption_budget("db", "shop", "db", min_available=3))
    house.world.advance(60)
    house.start()
    alert(house)
    house.wait(60)
    assert {name.partition("-")[0] for name in evictions(house.world)} == {"web"}
    (held,) = [each for each in house.all("decision") if each.result == "hold"]
    assert "1 pods may not go now: shop/db" in next(each.reason for each in held.verdicts if each.guard == "plan")
    house.world.server.patch(BUDGET, {"spec": {"minAvailable": 1}}, PatchType.MERGE)
    house.wait(60)
    assert {name.partition("-")[0] for name in evictions(house.world)} == {"web", "db"}
    assert house.all("incident_closed")[0].reason == "recovered"


@pytest.mark.parametrize("on_failure", ["keep", "undo"])
def test_what_never_may_go_ends_the_step_at_its_deadline(house, on_failure):
    house.world.create(objects.disruption_budget("web", "shop", "web", min_available=6))
    house.world.advance(30)
    until = Until(for_=10.0, within=300.0, on_failure=on_failure)
    rules(house, Step("drain", {"timeout": "2m"}), ESCALATE, until=until)
    house.start()
    alert(house)
    house.wait(115)
    assert house.all("escalated") == []
    house.wait(30)
    assert told(house).startswith("not done within 120 s: 2 pods may not go now: shop/web")
    assert evictions(house.world) == []
    assert is_cordoned(node(house.world)) is (on_failure == "keep")
    assert [each.status for each in house.all("escalated")] == ["requested", "delivered"]


def test_a_drain_that_ran_out_of_time_is_taken_up_again_where_it_was(house):
    house.world.create(objects.deployment("db", "shop", replicas=3))
    house.world.create(objects.disruption_budget("db", "shop", "db", min_available=3))
    house.world.advance(60)
    rules(house, Step("drain", {"timeout": "1m"}), ESCALATE)
    house.start()
    alert(house)
    house.wait(90)
    assert told(house).startswith("not done within 60 s: 1 pods may not go now: shop/db")
    before = set(evictions(house.world))
    house.world.server.patch(BUDGET, {"spec": {"minAvailable": 1}}, PatchType.MERGE)
    alert(house, "resolved")
    house.wait(30)
    alert(house)
    house.wait(120)
    assert (cordons(house.world), len(evictions(house.world)), before < set(evictions(house.world))) == (
        [True],
        3,
        True,
    )
    assert [each.reason for each in house.all("incident_closed")] == ["failed", "recovered"]


@pytest.mark.parametrize("on_failure", ["keep", "undo"])
def test_a_pod_under_two_budgets_fails_at_once(house, on_failure):
    rules(house, until=Until(for_=10.0, within=300.0, on_failure=on_failure))
    house.world.create(*(objects.disruption_budget(name, "shop", "web", min_available=1) for name in "ab"))
    house.world.advance(30)
    house.start()
    alert(house)
    house.wait(20)
    assert "more than one PodDisruptionBudget" in told(house)
    assert evictions(house.world) == []
    assert cordons(house.world) == ([True, False] if on_failure == "undo" else [True])
    assert len([each for each in house.all("decision") if each.result == "deny"]) == 1


def test_a_pause_stops_between_two_writes_and_its_end_lets_it_go_on(house):
    process = house.start()
    process.cluster.after = lambda: pause(house, process, lifted=False) if len(cordons(house.world)) == 1 else None
    alert(house)
    house.wait(60)
    assert (cordons(house.world), evictions(house.world)) == ([True], [])
    process.cluster.after = lambda: None
    pause(house, process, lifted=True)
    house.wait(120)
    assert len(evictions(house.world)) == 2
    assert house.all("incident_closed")[0].reason == "recovered"


def test_a_mode_that_is_lowered_ends_the_step(house):
    process = house.start()
    observing = Reloaded(policy(mode=Mode.OBSERVE), house.rules.rules)
    process.cluster.after = lambda: house.loop.start(process.controller.tell(observing), process.group)
    alert(house)
    house.wait(60)
    assert (cordons(house.world), evictions(house.world)) == ([True], [])
    assert "the mode is observe by now" in told(house)


def test_the_signals_end_does_not_leave_a_node_half_drained(house):
    """A cordon silences most alerts about its node."""
    process = house.start()
    process.cluster.after = lambda: house.loop.start(resolving(house), process.group)
    alert(house)
    house.wait(120)
    assert len(evictions(house.world)) == 2
    assert house.all("incident_closed")[0].reason == "recovered"


# Whose the node is


def test_a_node_that_somebody_cordoned_stays_cordoned_when_the_drain_fails(house):
    change_node(house.world, {"spec": {"unschedulable": True}})
    house.world.create(objects.disruption_budget("web", "shop", "web", min_available=6))
    rules(house, Step("drain", {"timeout": "1m"}), until=UNDO)
    house.world.advance(30)
    house.start()
    alert(house)
    house.wait(120)
    assert cordons(house.world) == []
    assert is_cordoned(node(house.world))


def test_an_uncordon_by_hand_stops_the_drain_and_keeps_it_away(house):
    house.world.create(objects.disruption_budget("web", "shop", "web", min_available=6))
    house.world.advance(30)
    house.start()
    alert(house)
    house.wait(30)
    change_node(house.world, {"spec": {"unschedulable": None}})
    house.wait(30)
    assert told(house) == "somebody took back by hand what the step did"
    (pause,) = house.all("pause")
    assert (pause.target, pause.lifted) == ("Node//node-1", False)
    alert(house, "resolved")
    house.wait(30)
    assert house.all("incident_closed")[0].reason == "cancelled"
    alert(house)
    house.wait(3 * 3600)
    assert (cordons(house.world), evictions(house.world)) == ([True], [])
    assert not is_cordoned(node(house.world))


def test_a_node_that_goes_away_cancels(house):
    house.world.create(objects.disruption_budget("web", "shop", "web", min_available=6))
    house.start()
    alert(house)
    house.wait(30)
    house.world.server.delete(NODE)
    house.wait(30)
    assert house.all("incident_closed")[0].reason == "cancelled"


def test_on_a_node_that_is_lost_nobody_waits_for_what_cannot_be_confirmed(house):
    house.start()
    change_node(house.world, {"metadata": {"annotations": {KUBELET: "down"}}})
    house.wait(60)
    alert(house)
    house.wait(120)
    assert len(evictions(house.world)) == 2
    assert len(pods_on(house.world)) == 2, "they are still there, ending for ever"
    last = house.all("verification")
    assert any("all is written" in each.detail for each in last)


def test_a_drained_node_is_not_proven_before_its_pods_run_elsewhere(house):
    process = house.start()
    others = [Ref(KINDS["Node"], "", name) for name in ("node-2", "node-3")]

    def close_the_others() -> None:
        for each in others:
            house.world.server.patch(each, {"spec": {"unschedulable": True}}, PatchType.MERGE)

    process.cluster.after = close_the_others
    alert(house)
    house.wait(120)
    waits = house.all("verification")[-1]
    assert (waits.result, len(evictions(house.world))) == ("not_yet", 2)
    assert waits.detail.startswith("does not hold: evicted pods run on other nodes: 0 of 2 of ReplicaSet/shop/web-")
    for each in others:
        house.world.server.patch(each, {"spec": {"unschedulable": None}}, PatchType.MERGE)
    house.wait(120)
    (closed,) = house.all("incident_closed")
    assert (closed.reason, "evicted pods run on other nodes holds" in closed.detail) == ("recovered", True)


def test_pods_that_come_up_nowhere_fail_the_drain(house):
    process = house.start()
    process.cluster.after = lambda: [
        house.world.server.patch(Ref(KINDS["Node"], "", name), {"spec": {"unschedulable": True}}, PatchType.MERGE)
        for name in ("node-2", "node-3")
    ]
    alert(house)
    house.wait(400)
    assert "evicted pods run on other nodes" in told(house)
    assert [each.status for each in house.all("escalated")] == ["requested", "delivered"]


def test_of_a_workload_that_wants_fewer_by_now_no_successor_is_waited_for(house):
    process = house.start()
    scale = Ref(KINDS["Deployment"], "shop", "web")
    process.cluster.after = lambda: house.world.server.patch(scale, {"spec": {"replicas": 0}}, PatchType.MERGE)
    alert(house)
    house.wait(120)
    assert house.all("incident_closed")[0].reason == "recovered"


# Whatever crashes


def moments() -> list[tuple[int, str]]:
    """Each write of the drain, and the two moments at which a process can die around it."""
    return [(write, moment) for write in (1, 2, 3) for moment in ("before", "after")]


@pytest.mark.parametrize(("write", "moment"), moments())
def test_a_process_killed_around_any_write_loses_none_and_doubles_none(house, write, moment):
    process, count = house.start(), iter(range(1, 100))
    setattr(process.cluster, moment, lambda: process.kill() if next(count) == write else None)
    before = sorted(pod["metadata"]["name"] for pod in pods_on(house.world))
    alert(house)
    house.wait(20)
    house.start()
    house.wait(200)
    assert sorted(evictions(house.world)) == before
    assert cordons(house.world) == [True]
    assert house.all("incident_closed")[0].reason == "recovered"
    statuses = {each.status for each in house.all("outcome")} - {OutcomeStatus.APPLIED}
    assert statuses == {OutcomeStatus.ADOPTED if moment == "after" else OutcomeStatus.NEVER_DONE}


@pytest.mark.parametrize("kind", [FaultKind.LOST_ANSWER, FaultKind.LOST_REQUEST, FaultKind.LATE])
def test_an_eviction_of_which_nothing_was_heard_is_told_by_its_pods_uid(house, kind):
    house.world.faults.add(Fault(kind, ACCOUNT, ("evict",), count=3, seconds=30.0))
    before = sorted(pod["metadata"]["name"] for pod in pods_on(house.world))
    house.start()
    alert(house)
    house.wait(200)
    assert sorted(evictions(house.world)) == before
    assert house.all("incident_closed")[0].reason == "recovered"


def test_a_step_under_way_shows_how_far_it_is(house):
    house.world.create(objects.disruption_budget("web", "shop", "web", min_available=6))
    house.world.advance(30)
    process = house.start()
    alert(house)
    house.wait(30)
    (incident,) = process.controller.state.incidents.values()
    assert (incident.phase, len(incident.progress.done)) == (Phase.WORKING, 1)
    view = incident_view(incident)
    assert (view.phase, view.progress) == (
        "working",
        f"1 written, 2 to go, by {incident.progress.until:%H:%M:%SZ} at the latest",
    )
    assert view.reason.startswith("2 pods may not go now: shop/web")
