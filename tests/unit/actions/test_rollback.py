"""Action `rollback`: the way back that `kubectl rollout undo` goes, to a revision that is known to work."""

from __future__ import annotations

import pytest

from remediator.actions.action import REMEDIATION, Order, UndoOrder
from remediator.actions.rollback import ACTION, OURS, OWN_ANNOTATIONS
from remediator.core.events import Intent
from remediator.core.histories import EARLIER, history, present
from remediator.core.kinds import KINDS, WORKLOADS, ref_of
from remediator.core.memory import Good
from remediator.core.model import Change, Json, PatchType, Ref, Refusal, Target, as_json
from remediator.core.snapshot import Snapshot
from remediator.core.workload import facts_of
from remediator.simulation import objects
from remediator.simulation.world import World
from tests.unit.builders import START, WEB, deployment, replica_set, snapshot

GOOD, BROKEN = "registry.example/app:1", "registry.example/app:broken"
CAUSE = "kubernetes.io/change-cause"


def planned(*revisions: Json, live: Json | None = None, current: int = 3, **args):
    """What is planned for `shop/web`, at a revision, with this history."""
    live = live or deployment(ready=0, metadata={"annotations": {"deployment.kubernetes.io/revision": str(current)}})
    good = args.pop("good", ())
    seen = Snapshot(facts_of(live, START), live, history(live, revisions))
    return ACTION.plan(Order("incident-1-1", WEB, args, seen, good=good))


# Which revision


@pytest.mark.parametrize(
    ("serving", "chosen", "why"),
    [
        ({1: 0, 2: 3, 3: 0}, 2, "the previous one still serves"),
        ({1: 3, 2: 0, 3: 0}, 1, "the previous one was broken as well: the one that still serves"),
        ({1: 0, 2: 0, 3: 0}, None, "nothing serves, and nothing is remembered: nothing is known to be good"),
        ({1: 0, 2: 0, 3: 3}, None, "that the present one serves is no way back"),
        ({2: 0, 3: 0, 4: 5}, None, "a newer one, seen before the Deployment knows, is no way back"),
        ({0: 3, 2: 0, 3: 0}, None, "a ReplicaSet without a number belongs to no roll-out"),
        ({1: 3, 3: 0}, 1, "the previous number was cleaned up"),
        ({1: 2, 2: 1, 3: 0}, 1, "an older one still has pods: the roll-out to 2 was not complete when 3 came"),
    ],
)
def test_the_newest_earlier_revision_that_is_proven(serving, chosen, why):
    answer = planned(*(replica_set(number, available=serves) for number, serves in serving.items()))
    assert _chosen(answer) == chosen, why


@pytest.mark.parametrize(
    ("pods", "available", "max_unavailable", "proven"),
    [
        (4, 4, "25%", True),
        (4, 3, "25%", True),  # of 4 wanted 1 may be missing
        (4, 2, "25%", False),
        (4, 3, 0, False),
        (2, 2, 0, True),  # scaled down by the roll-out after it: all that are left serve
        (2, 0, "100%", False),
    ],
)
def test_pods_prove_a_revision_where_no_more_are_missing_than_may(pods, available, max_unavailable, proven):
    earlier = replica_set(2)
    earlier["status"] = {"replicas": pods, "availableReplicas": available}
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": max_unavailable}}
    meta = {"annotations": {"deployment.kubernetes.io/revision": "3"}}
    answer = planned(earlier, replica_set(3), live=deployment(ready=0, replicas=4, strategy=strategy, metadata=meta))
    assert _chosen(answer) == (2 if proven else None)


@pytest.mark.parametrize(
    ("remembered", "numbers", "chosen", "why"),
    [
        (Good(START, WEB.uid, 2, 3), "", 2, "a look found it healthy at revision 2"),
        (Good(START, WEB.uid, 1, 3), "1", 2, "revision 2 had the number 1 before it was rolled out again"),
        (Good(START, "another", 2, 3), "", None, "that was another Deployment of the name"),
        (Good(START, WEB.uid, 3, 3), "", None, "that the present one was healthy is no way back"),
    ],
)
def test_what_the_journal_remembers_as_healthy_is_proven(remembered, numbers, chosen, why):
    earlier = replica_set(2, **({EARLIER: numbers} if numbers else {}))
    assert _chosen(planned(earlier, replica_set(3), good=(remembered,))) == chosen, why


def test_where_nothing_is_proven_the_refusal_names_what_there_is():
    answer = planned(replica_set(1), replica_set(2), replica_set(3))
    assert answer.reason == "no earlier revision is known to have been fully available"
    assert answer.remedy.endswith("as in rollback: {to_revision: N}; the history has 1, 2")


def _chosen(answer: Change | Refusal) -> int | None:
    return None if isinstance(answer, Refusal) else int(answer.summary.rpartition(" ")[2])


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
    """Proven or not: the rule says so."""
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
    answer = planned(replica_set(2, "app:3", available=3), replica_set(3, "app:3"))
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
    return Snapshot(facts_of(live, world.clock.now()), live, history(live, sets))


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
    (found,) = [each.template for each in seen.revisions if each.number == number]
    return found


def test_annotations_that_belong_to_the_deployment_stay():
    kept = dict.fromkeys(OWN_ANNOTATIONS, "mine") | {"deployment.kubernetes.io/revision": "3"}
    theirs = {name: "revision's" for name in OWN_ANNOTATIONS if name != "deployment.kubernetes.io/revision"}
    change = planned(replica_set(2, available=3, **theirs), live=deployment(ready=0, metadata={"annotations": kept}))
    assert change.body["metadata"]["annotations"] == {REMEDIATION: "incident-1-1"}


def test_a_persons_opt_out_and_a_fence_outlive_a_roll_back():
    ours = {"remediator.io/exclude": "true", "remediator.io/fence": "incident-1-0", REMEDIATION: "incident-0-1"}
    change = planned(
        replica_set(2, available=3),
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
    assert answer.contended
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


def test_it_is_for_all_that_roll_out_and_made_for_a_roll_out_in_progress():
    assert (ACTION.kinds, ACTION.during_rollout, ACTION.reads_revisions) == (WORKLOADS, True, True)
    assert set(ACTION.kinds) <= set(KINDS)


def test_the_builders_deployment_is_one_that_can_be_rolled_back():
    assert isinstance(ACTION.plan(Order("incident-1-1", WEB, {}, snapshot())), Change)


# Somebody is at work


def planned_since(live: Json, *revisions: Json) -> Change | Refusal:
    """What is planned at START for evidence that began at START."""
    seen = Snapshot(facts_of(live, START), live, history(live, revisions))
    return ACTION.plan(Order("incident-1-1", WEB, {}, seen, START))


@pytest.mark.parametrize(("made", "refused"), [("2026-01-01T11:59:00Z", False), ("2026-01-01T12:00:01Z", True)])
def test_what_somebody_rolled_out_after_the_alert_began_is_left_alone(made, refused):
    """A hotfix under way must not be undone for the fault that it cures."""
    old, new = replica_set(2, available=2), replica_set(3)
    new["metadata"]["creationTimestamp"] = made
    answer = planned_since(deployment(ready=0), old, new)
    assert isinstance(answer, Refusal) is refused
    if refused:
        assert answer.reason == "the present revision was rolled out after the alert began: somebody is at work"


def template_changed(manager: str, time: str) -> Json:
    fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": {}}}}}
    entry = {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields}
    return {"managedFields": [{**entry, "manager": "kubectl-create", "time": "2025-12-01T00:00:00Z"}, entry]}


@pytest.mark.parametrize(
    ("manager", "time", "reason"),
    [
        ("kubectl-rollout", "2026-01-01T12:00:01Z", "kubectl-rollout changed the pod template after the alert began"),
        ("kubectl-rollout", "2026-01-01T12:00:00Z", ""),
        ("kubectl-rollout", "2026-01-01T11:59:59Z", ""),
        ("remediator", "2026-01-01T12:00:01Z", ""),
    ],
)
def test_a_fix_that_rolled_an_old_revision_out_again_is_left_alone(manager, time, reason):
    """Its ReplicaSet is old: the books of the Deployment say who changed its template, and when."""
    old, new = replica_set(2, available=2), replica_set(3)
    new["metadata"]["creationTimestamp"] = "2025-12-01T00:00:00Z"
    answer = planned_since(deployment(ready=0, metadata=template_changed(manager, time)), old, new)
    assert isinstance(answer, Refusal) is (reason != "")
    assert not reason or answer.reason.startswith(reason)


def test_our_own_restart_before_it_is_nobodys_fix():
    old, new = replica_set(2, available=2), replica_set(3)
    new["metadata"]["creationTimestamp"] = "2026-01-01T12:00:05Z"
    live = deployment(ready=0, metadata=template_changed("remediator", "2026-01-01T12:00:05Z"))
    assert isinstance(planned_since(live, old, new), Change)


@pytest.mark.parametrize(
    ("status", "since", "refused"),
    [
        ("True", "2026-01-01T12:00:01Z", True),
        ("True", "2026-01-01T11:00:00Z", False),
        ("False", "2026-01-01T12:00:01Z", False),
    ],
)
def test_a_roll_out_that_goes_on_again_after_the_alert_began_is_somebodys_work(status, since, refused):
    live = deployment(ready=0)
    live["status"]["conditions"] = [{"type": "Progressing", "status": status, "lastTransitionTime": since}]
    answer = planned_since(live, replica_set(2, available=2), replica_set(3))
    assert isinstance(answer, Refusal) is refused


# StatefulSets and DaemonSets


BUILD = {"StatefulSet": objects.stateful_set, "DaemonSet": objects.daemon_set}


def other_workload(kind: str, *images: str) -> tuple[World, Target]:
    """A workload of that kind that was rolled out with each image in turn."""
    world = World(namespaces=("shop",))
    made = BUILD[kind]("web", "shop", images[0], podManagementPolicy="Parallel") if kind == "StatefulSet" else None
    made = made or BUILD[kind]("web", "shop", images[0])
    target = Target(kind, "shop", "web", world.create(made)["metadata"]["uid"])
    world.advance(60)
    for name in images[1:]:
        world.server.patch(ref_of(target), {"spec": image(name)}, PatchType.STRATEGIC)
        world.advance(120)
    return world, target


def look_at(world: World, target: Target) -> Snapshot:
    live = world.server.get(ref_of(target))
    kept, pods = (world.store.rewound(kind, "shop", world.store.revision) for kind in ("ControllerRevision", "Pod"))
    revisions = history(live, kept, pods)
    return Snapshot(facts_of(live, world.clock.now(), present(live, revisions)), live, revisions)


@pytest.mark.parametrize("kind", BUILD)
def test_other_workloads_go_back_to_the_revision_that_still_serves(kind):
    world, target = other_workload(kind, GOOD, BROKEN)
    before = look_at(world, target)
    assert (before.facts.revision, before.facts.healthy) == (2, False)
    change = ACTION.plan(Order("incident-1-1", target, {}, before))
    assert change.body["metadata"]["annotations"] == {REMEDIATION: "incident-1-1"}, "their annotations stay"
    assert change.body["spec"]["template"]["$patch"] == "replace"
    carry_out(world, change)
    for pod in world.store.rewound("Pod", "shop", world.store.revision):
        if "broken" in pod["spec"]["containers"][0]["image"]:  # a StatefulSet waits for a broken pod for ever
            world.server.delete(Ref(KINDS["Pod"], "shop", pod["metadata"]["name"]), grace=0)
    world.advance(120)
    after = look_at(world, target)
    assert (after.facts.healthy, after.facts.revision) == (True, 3)
    assert after.live["spec"]["template"] == before.revisions[0].template


@pytest.mark.parametrize("kind", BUILD)
def test_undo_of_other_workloads_is_the_template_that_was_left(kind):
    world, target = other_workload(kind, GOOD, BROKEN)
    before = look_at(world, target)
    change = ACTION.plan(Order("incident-1-1", target, {}, before))
    carry_out(world, change)
    intent = Intent("incident-1-1", "rollback", 0, 1, change, prior=as_json(change.prior))
    carry_out(world, ACTION.undo(UndoOrder("incident-1-2", intent, target, look_at(world, target))))
    assert look_at(world, target).live["spec"]["template"] == before.live["spec"]["template"]


def test_a_stateful_set_that_was_never_complete_has_nothing_proven():
    """`status.currentRevision` names the first revision from the beginning, whether it ever served or not."""
    world, target = other_workload("StatefulSet", BROKEN, "registry.example/app:broken-too")
    seen = look_at(world, target)
    assert [each.completed for each in seen.revisions] == [True, False]
    answer = ACTION.plan(Order("incident-1-1", target, {}, seen))
    assert isinstance(answer, Refusal)
    assert answer.reason == "no earlier revision is known to have been fully available"


def test_a_stateful_sets_controller_remembers_the_last_complete_revision():
    world, target = other_workload("StatefulSet", GOOD, "registry.example/app:2", BROKEN)
    for pod in world.store.rewound("Pod", "shop", world.store.revision):
        world.server.delete(Ref(KINDS["Pod"], "shop", pod["metadata"]["name"]), grace=0)
    seen = look_at(world, target)
    assert [(each.number, each.pods, each.completed) for each in seen.revisions] == [
        (1, 0, False), (2, 0, True), (3, 0, False),
    ]  # fmt: skip
    assert _chosen(ACTION.plan(Order("incident-1-1", target, {}, seen))) == 2
