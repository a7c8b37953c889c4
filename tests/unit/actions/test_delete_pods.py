"""Action `delete_pods`: in batches, only the phases that are asked for, never one that runs by mistake."""

from __future__ import annotations

import pytest

from remediator.actions.action import Disruption, Done, Order, Refusal, Wait
from remediator.actions.delete_pods import ACTION
from remediator.core.kinds import KINDS
from remediator.core.model import Change, Json, OutcomeStatus, Ref, Target, Verb
from remediator.core.progress import Written
from remediator.core.snapshot import Facts, Snapshot
from tests.unit.builders import START, WEB, deployment

SHOP = Target("Namespace", "", "shop", "uid-shop")
MIRROR = {"kubernetes.io/config.mirror": "x"}


def pod(name: str, phase: str, reason: str = "", *, owned: bool = True, ready: bool = False, **meta: object) -> Json:
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": "7", **meta}
    if owned:
        metadata["ownerReferences"] = [{"kind": "ReplicaSet", "name": "web", "uid": "u", "controller": True}]
    waiting = [{"state": {"waiting": {"reason": reason}}}] if reason and phase in ("Running", "Pending") else []
    conditions = [{"type": "Ready", "status": "True"}] if ready else []
    status = {"phase": phase, "reason": reason, "containerStatuses": waiting, "conditions": conditions}
    return {"kind": "Pod", "metadata": metadata, "spec": {}, "status": status}


def order(
    pods: list[Json], args: Json, done: int = 0, held: dict[str, str] | None = None, target: Target = SHOP
) -> Order:
    assert ACTION.check(args) == ()
    live = deployment() if target is WEB else {"kind": "Namespace", "metadata": {"name": "shop", "uid": "uid-shop"}}
    snapshot = Snapshot(Facts(START, exists=True, uid=target.uid), live, lists={"Pod": tuple(pods)}, held=held or {})
    written = tuple(
        Written(f"i-{n}", Verb.DELETE, Ref(KINDS["Pod"], "shop", f"gone-{n}"), f"uid-gone-{n}", OutcomeStatus.APPLIED)
        for n in range(done)
    )
    return Order("incident-1-1", target, args, snapshot, done=written)


@pytest.mark.parametrize(
    ("args", "expected", "why"),
    [
        ({}, ["delete failed", "delete done"], "what has ended, by default"),
        ({"phase": "Failed"}, ["delete failed"], "one phase"),
        ({"phase": ["Running"]}, ["evict crashing", "evict ready"], "what runs goes by eviction, and not the bare one"),
        ({"phase": ["Pending"]}, ["evict stuck"], "what has not begun"),
        ({"reason": "CrashLoopBackOff"}, ["evict crashing"], "a reason in any phase"),
        ({"reason": ["Evicted", "ImagePullBackOff"]}, ["delete failed", "evict stuck"], "several reasons"),
        ({"reason": "Evicted", "phase": ["Running"]}, [], "both must hold"),
        ({"limit": 1}, ["delete failed"], "no more than the limit"),
    ],
)
def test_which_pods_go_and_how(args, expected, why):
    pods = [
        pod("failed", "Failed", "Evicted", creationTimestamp="2026-01-01T00:00:00Z"),
        pod("done", "Succeeded", owned=False, creationTimestamp="2026-01-01T00:00:01Z"),
        pod("stuck", "Pending", "ImagePullBackOff", creationTimestamp="2026-01-01T00:00:02Z"),
        pod("crashing", "Running", "CrashLoopBackOff", creationTimestamp="2026-01-01T00:00:03Z"),
        pod("ready", "Running", ready=True, creationTimestamp="2026-01-01T00:00:04Z"),
        pod("bare", "Running", "CrashLoopBackOff", owned=False, creationTimestamp="2026-01-01T00:00:05Z"),
        pod("static", "Failed", annotations=MIRROR),
        pod("kept", "Failed", annotations={"remediator.io/exclude": "true"}),
        pod("going", "Failed", deletionTimestamp="2026-01-01T00:00:00Z"),
    ]
    assert [line.rpartition(" (")[0] for line in ACTION.outlook(order(pods, args))] == expected, why


def test_a_ready_pod_with_a_reason_of_old_is_left_alone():
    assert isinstance(
        ACTION.plan(order([pod("a", "Running", "CrashLoopBackOff", ready=True)], {"reason": "CrashLoopBackOff"})),
        Refusal,
    )


@pytest.mark.parametrize(("phase", "verb"), [("Failed", Verb.DELETE), ("Running", Verb.EVICT)])
def test_each_is_this_very_pod_as_it_was_read(phase, verb):
    change = ACTION.plan(order([pod("a", phase)], {"phase": [phase]}))
    assert isinstance(change, Change)
    assert (change.verb, change.ref.name) == (verb, "a")
    assert (change.precondition.uid, change.precondition.resource_version) == ("uid-a", "7")


def test_it_ends_at_the_limit_or_when_none_is_left():
    assert isinstance(ACTION.plan(order([pod("a", "Failed")], {"limit": 3}, done=2)), Change)
    assert isinstance(ACTION.plan(order([pod("a", "Failed")], {"limit": 3}, done=3)), Done)
    assert isinstance(ACTION.plan(order([], {}, done=1)), Done)
    assert isinstance(ACTION.plan(order([], {})), Refusal), "nothing to do is no cure"


def test_what_a_budget_does_not_let_go_is_passed_over_and_then_waited_for():
    two = [pod("a", "Running"), pod("b", "Running")]
    held = {"uid-a": "budget web"}
    assert ACTION.plan(order(two, {"phase": ["Running"]}, held=held)).ref.name == "b"
    answer = ACTION.plan(order(two, {"phase": ["Running"]}, held={**held, "uid-b": "budget web"}))
    assert isinstance(answer, Wait)
    assert answer.reason == "2 pods may not go now: budget web"


def test_of_a_workload_only_what_a_controller_owns_is_its():
    asked = ACTION.outlook(order([pod("a", "Failed"), pod("b", "Failed", owned=False)], {}, target=WEB))
    assert asked == ("delete a (Failed)",)
    (listing,) = ACTION.reads(WEB, deployment(), {})
    assert (listing.namespace, listing.selector) == ("shop", "app=web")
    assert ACTION.reads(SHOP, {}, {})[0].namespace == "shop"


@pytest.mark.parametrize(
    ("args", "disrupts"),
    [({}, Disruption.NONE), ({"phase": ["Running"]}, Disruption.PODS), ({"reason": "Evicted"}, Disruption.PODS),
     ({"reason": "Evicted", "phase": ["Failed"]}, Disruption.NONE)],
)  # fmt: skip
def test_what_has_ended_takes_nothing_away(args, disrupts):
    assert ACTION.asked(args, SHOP, Facts(START, exists=True)).disrupts is disrupts


@pytest.mark.parametrize(
    ("args", "spares"), [({"reason": "Error"}, True), ({"reason": "Error", "phase": ["Running"]}, False)]
)
def test_a_ready_pod_is_spared_unless_its_phase_is_named(args, spares):
    assert ACTION.asked(args, WEB, Facts(START, exists=True)).spares_ready is spares


@pytest.mark.parametrize(
    "args",
    [{"phase": []}, {"phase": "failed"}, {"phase": ["Failed", "Broken"]}, {"phase": 1}, {"reason": [""]}, {"reason": 7},
     {"limit": 0}, {"limit": "all"}, {"force": True}],
)  # fmt: skip
def test_arguments(args):
    assert ACTION.check(args)
