"""Action `rollback`: the way back that `kubectl rollout undo` goes, to a revision that is known to work."""

from __future__ import annotations

import pytest

from remediator.actions.action import REMEDIATION, Order, UndoOrder
from remediator.actions.rollback import ACTION, OURS, OWN_ANNOTATIONS
from remediator.core.events import Intent
from remediator.core.kinds import KINDS, ref_of
from remediator.core.model import Change, Json, PatchType, Refusal, Target
from remediator.core.snapshot import Snapshot
from remediator.core.workload import facts_of, revision_of
from remediator.simulation import objects
from remediator.simulation.world import World
from tests.unit.builders import START, WEB, deployment, replica_set, snapshot

GOOD, BROKEN = "registry.example/app:1", "registry.example/app:broken"
CAUSE = "kubernetes.io/change-cause"


def planned(*revisions: Json, live: Json | None = None, current: int = 3, **args):
    """What is planned for `shop/web`, at a revision, with this history."""
    live = live or deployment(ready=0, metadata={"annotations": {"deployment.kubernetes.io/revision": str(current)}})
    return ACTION.plan(Order("incident-1-1", WEB, args, Snapshot(facts_of(live, START), live, revisions)))


# Which revision


@pytest.mark.parametrize(
    ("history", "chosen", "why"),
    [
        ({1: 0, 2: 0, 3: 0}, 2, "nothing serves: the previous one, as kubectl"),
        ({1: 0, 2: 2, 3: 0}, 2, "the previous one still serves"),
        ({1: 2, 2: 0, 3: 0}, 1, "the previous one was broken as well: the one that still serves"),
        ({1: 1, 2: 1, 3: 0}, 2, "of two that serve the newest"),
        ({1: 0, 2: 0, 3: 3}, 2, "the present one serves, and is still not a way back"),
        ({1: 0, 3: 0}, 1, "the previous number was cleaned up"),
        ({0: 3, 2: 0, 3: 0}, 2, "a ReplicaSet without a number belongs to no roll-out"),
        ({2: 0, 3: 0, 4: 5}, 2, "a newer one, seen before the Deployment knows, is no way back"),
    ],
)
def test_the_newest_earlier_revision_that_serves_else_the_newest_earlier_one(history, chosen, why):
    change = planned(*(replica_set(number, available=serves) for number, serves in history.items()))
    assert change.summary == f"roll Deployment/shop/web back from revision 3 to {chosen}", why


@pytest.mark.parametrize(
    ("to", "history", "expected"),
    [
        (1, (1, 2, 3), "roll Deployment/shop/web back from revision 3 to 1"),
        (2, (1, 2, 3), "roll Deployment/shop/web back from revision 3 to 2"),
        (3, (1, 2, 3), "the template of revision 3 is what runs already"),
        (9, (1, 2, 3), "revision 9 is not in the history any more"),
    ],
)
def test_to_revision_is_taken_by_its_word(to, history, expected):
    answer = planned(*(replica_set(number) for number in history), to_revision=to)
    assert expected == (answer.reason if isinstance(answer, Refusal) else answer.summary)


@pytest.mark.parametrize(
    ("history", "live", "reason"),
    [
        ((3,), {}, "no earlier revision to go back to: revision 3 is the only one in the history"),
        ((), {}, "no earlier revision to go back to: revision 3 is the only one in the history"),
        ((2, 3), {"paused": True}, "the roll-out is paused"),
    ],
)
def test_where_there_is_no_way_back_it_refuses_and_says_what_to_do(history, live, reason):
    answer = planned(*(replica_set(number) for number in history), live=deployment(ready=0, **live))
    assert isinstance(answer, Refusal)
    assert answer.reason == reason
    assert answer.remedy


def test_an_earlier_template_that_runs_already_is_refused():
    answer = planned(replica_set(2, "app:3"), replica_set(3, "app:3"))
    assert isinstance(answer, Refusal)
    assert answer.reason == "the template of revision 2 is what runs already"


# What it leaves behind, in a cluster whose controllers act


def rolled_out_twice(world: World) -> Target:
    """`shop/web`: revision 1 good, revision 2 broken, each with its own annotations."""
    first = {CAUSE: "first", "only-first": "yes", "both": "old"}
    uid = world.create(objects.deployment("web", "shop", GOOD, annotations=first))["metadata"]["uid"]
    world.advance(60)
    notes = {CAUSE: "second", "only-first": None, "both": "new", "only-second": "yes"}
    patch(world, {"metadata": {"annotations": notes}, "spec": image(BROKEN)})
    world.advance(60)
    return Target("Deployment", "shop", "web", uid)


def image(name: str) -> Json:
    return {"template": {"spec": {"containers": [{"name": "app", "image": name}]}}}


def patch(world: World, body: Json) -> None:
    world.server.patch(ref_of(WEB), body, PatchType.STRATEGIC)


def look(world: World, target: Target) -> Snapshot:
    live = world.server.get(ref_of(target))
    sets = world.store.rewound("ReplicaSet", "shop", world.store.revision)
    return Snapshot(facts_of(live, world.clock.now()), live, tuple(sorted(sets, key=revision_of)))


def annotations(world: World) -> dict[str, str]:
    found = world.server.get(ref_of(WEB))["metadata"]["annotations"]
    return {name: value for name, value in found.items() if name not in OWN_ANNOTATIONS and not name.startswith(OURS)}


def carry_out(world: World, change: Change) -> None:
    world.server.patch(change.ref, change.body, change.patch_type)
    world.advance(60)


@pytest.fixture
def world() -> World:
    return World(namespaces=("shop",))


def test_it_leaves_what_kubectl_rollout_undo_leaves(world):
    target = rolled_out_twice(world)
    before = look(world, target)
    assert before.facts.revision == 2
    assert not before.facts.healthy

    carry_out(world, ACTION.plan(Order("incident-1-1", target, {}, before)))

    after = look(world, target)
    assert after.facts.healthy
    assert after.facts.revision == 3
    assert after.live["spec"]["template"] == look_at_revision(before, 1)
    assert "pod-template-hash" not in after.live["spec"]["template"]["metadata"]["labels"]
    assert annotations(world) == {CAUSE: "first", "only-first": "yes", "both": "old"}
    assert after.live["metadata"]["annotations"][REMEDIATION] == "incident-1-1"
    assert len(after.revisions) == 2, "the ReplicaSet of the good revision serves again; there is no third one"


def look_at_revision(seen: Snapshot, number: int) -> Json:
    """A revision's template without the label that its ReplicaSet adds."""
    (found,) = [each["spec"]["template"] for each in seen.revisions if revision_of(each) == number]
    labels = {name: value for name, value in found["metadata"]["labels"].items() if name != "pod-template-hash"}
    return {**found, "metadata": {**found["metadata"], "labels": labels}}


def test_annotations_that_belong_to_the_deployment_stay():
    kept = dict.fromkeys(OWN_ANNOTATIONS, "mine") | {"deployment.kubernetes.io/revision": "3"}
    theirs = {name: "revision's" for name in OWN_ANNOTATIONS if name != "deployment.kubernetes.io/revision"}
    change = planned(replica_set(2, **theirs), live=deployment(ready=0, metadata={"annotations": kept}))
    assert change.body["metadata"]["annotations"] == {REMEDIATION: "incident-1-1"}


def test_a_persons_opt_out_and_a_fence_outlive_a_roll_back():
    ours = {"remediator.io/exclude": "true", "remediator.io/fence": "incident-1-0", REMEDIATION: "incident-0-1"}
    change = planned(
        replica_set(2),
        live=deployment(ready=0, metadata={"annotations": ours | {"deployment.kubernetes.io/revision": "3"}}),
    )
    assert change.body["metadata"]["annotations"] == {REMEDIATION: "incident-1-1"}


def test_the_template_is_replaced_and_not_merged(world):
    target = rolled_out_twice(world)
    patch(world, {"spec": {"template": {"spec": {"priority": 5, "containers": [{"name": "side", "image": GOOD}]}}}})
    world.advance(60)
    carry_out(world, ACTION.plan(Order("incident-1-1", target, {"to_revision": 1}, look(world, target))))
    spec = look(world, target).live["spec"]["template"]["spec"]
    assert [each["name"] for each in spec["containers"]] == ["app"]
    assert "priority" not in spec


# Undo


def rolled_back(world: World) -> tuple[Target, Intent]:
    target = rolled_out_twice(world)
    change = ACTION.plan(Order("incident-1-1", target, {}, look(world, target)))
    carry_out(world, change)
    return target, Intent("incident-1-1", "rollback", 0, 1, change, prior=change.prior)


def test_undo_restores_template_and_annotations_as_they_were(world):
    target = rolled_out_twice(world)
    before, notes = look(world, target), annotations(world)
    change = ACTION.plan(Order("incident-1-1", target, {}, before))
    carry_out(world, change)

    intent = Intent("incident-1-1", "rollback", 0, 1, change, prior=change.prior)
    carry_out(world, ACTION.undo(UndoOrder("incident-1-2", intent, target, look(world, target))))

    after = look(world, target)
    assert after.live["spec"]["template"] == before.live["spec"]["template"]
    assert annotations(world) == notes
    assert after.live["metadata"]["annotations"][REMEDIATION] == "incident-1-2"


def test_undo_is_refused_where_somebody_has_changed_the_template_since(world):
    target, intent = rolled_back(world)
    patch(world, {"spec": image("registry.example/app:hotfix")})
    answer = ACTION.undo(UndoOrder("incident-1-2", intent, target, look(world, target)))
    assert isinstance(answer, Refusal)
    assert answer.reason == "the pod template was changed by somebody else since"


def test_undo_leaves_an_annotation_that_somebody_has_changed_since(world):
    target, intent = rolled_back(world)
    patch(world, {"metadata": {"annotations": {"both": "theirs"}}})
    carry_out(world, ACTION.undo(UndoOrder("incident-1-2", intent, target, look(world, target))))
    assert annotations(world) == {CAUSE: "second", "only-second": "yes", "both": "theirs"}


def test_undo_needs_nothing_but_the_journal(world):
    """The intent that undo gets was read back from the journal: its change has no prior state, its own field has."""
    target, intent = rolled_back(world)
    bare = Intent(intent.id, "rollback", 0, 1, Change(**{**fields(intent.change), "prior": {}}), prior=intent.prior)
    assert isinstance(ACTION.undo(UndoOrder("incident-1-2", bare, target, look(world, target))), Change)


def fields(change: Change) -> Json:
    return {name: getattr(change, name) for name in change.__struct_fields__}


# Arguments


@pytest.mark.parametrize(
    ("args", "right"),
    [
        ({}, True),
        ({"to_revision": 1}, True),
        ({"to_revision": 0}, False),
        ({"to_revision": -1}, False),
        ({"to_revision": "2"}, False),
        ({"to_revision": True}, False),
        ({"to_revision": 1.0}, False),
        ({"revision": 1}, False),
    ],
)
def test_to_revision_is_a_whole_number_above_zero(args, right):
    assert (ACTION.check(args) == ()) is right


def test_it_is_for_deployments_and_made_for_a_roll_out_in_progress():
    assert (ACTION.kinds, ACTION.during_rollout, ACTION.reads_revisions) == (("Deployment",), True, True)
    assert set(ACTION.kinds) <= set(KINDS)


def test_the_builders_deployment_is_one_that_can_be_rolled_back():
    assert isinstance(ACTION.plan(Order("incident-1-1", WEB, {}, snapshot())), Change)


@pytest.mark.parametrize(("made", "refused"), [("2026-01-01T11:59:00Z", False), ("2026-01-01T12:00:01Z", True)])
def test_what_somebody_rolled_out_after_the_alert_began_is_left_alone(made, refused):
    """A hotfix under way must not be undone for the fault that it cures."""
    old, new = replica_set(2), replica_set(3)
    new["metadata"]["creationTimestamp"] = made
    live = deployment(ready=0)
    seen = Snapshot(facts_of(live, START), live, (old, new))
    answer = ACTION.plan(Order("incident-1-1", WEB, {}, seen, START))
    assert isinstance(answer, Refusal) is refused
    if refused:
        assert "after the alert began" in answer.reason
