"""Action `restart`: what `kubectl rollout restart` does, and nothing else."""

from __future__ import annotations

import pytest

from remediator.actions.action import REMEDIATION, Order
from remediator.actions.restart import ACTION, RESTARTED_AT
from remediator.core.kinds import ref_of
from remediator.core.model import Change, PatchType, Precondition, Refusal, Target, Verb
from remediator.core.workload import facts_of
from remediator.simulation import objects
from remediator.simulation.world import World
from tests.unit.builders import WEB, at, deployment, snapshot


def plan(live=None, taken_at=None):
    return ACTION.plan(Order("incident-1-1", WEB, {}, snapshot(live, taken_at or at(0))))


def test_it_sets_one_annotation_of_the_template_and_the_remediations_id():
    change = plan(taken_at=at(1.9))
    assert isinstance(change, Change)
    assert (change.verb, change.ref, change.patch_type) == (Verb.PATCH, ref_of(WEB), PatchType.STRATEGIC)
    assert change.body == {
        "metadata": {"annotations": {REMEDIATION: "incident-1-1"}},
        "spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: "2026-01-01T12:00:01Z"}}}},
    }


def test_it_holds_only_for_the_object_that_was_read():
    change = plan(deployment(metadata={"resourceVersion": "4711"}))
    assert change.precondition == Precondition("uid-web", "4711")


@pytest.mark.parametrize("before", [None, "2025-12-31T00:00:00Z"])
def test_it_keeps_when_the_restart_before_was(before):
    live = deployment()
    if before:
        live["spec"]["template"]["metadata"]["annotations"] = {RESTARTED_AT: before}
    assert plan(live).prior == {"restartedAt": before}


def test_a_paused_roll_out_is_refused_as_kubectl_does():
    refused = plan(deployment(paused=True))
    assert isinstance(refused, Refusal)
    assert refused.remedy == "resume it: kubectl rollout resume"


def test_it_takes_no_arguments_and_has_nothing_to_undo():
    assert ACTION.check({}) == ()
    assert ACTION.check({"force": True}) == ("unknown argument 'force': this action takes none",)
    assert ACTION.undo is None


@pytest.mark.parametrize("kind", ACTION.kinds)
def test_every_pod_is_replaced_by_a_new_one_of_the_same_image(kind):
    build = {"Deployment": objects.deployment, "StatefulSet": objects.stateful_set, "DaemonSet": objects.daemon_set}
    world = World(namespaces=("shop",))
    uid = world.create(build[kind]("web", "shop"))["metadata"]["uid"]
    world.advance(60)
    before = {pod["metadata"]["uid"] for pod in pods(world)}

    target = Target(kind, "shop", "web", uid)
    live = world.server.get(ref_of(target))
    change = ACTION.plan(Order("incident-1-1", target, {}, snapshot(live, world.clock.now())))
    world.server.patch(change.ref, change.body, change.patch_type)
    world.advance(120)

    after = pods(world)
    assert len(after) == len(before) == 3
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in after)
    assert {pod["spec"]["containers"][0]["image"] for pod in after} == {"registry.example/app:1"}
    assert facts_of(world.server.get(ref_of(target)), at(0)).healthy


def pods(world: World) -> list:
    return list(world.store.rewound("Pod", "shop", world.store.revision))


@pytest.mark.parametrize(
    ("kind", "strategy", "refused"),
    [
        ("StatefulSet", {"type": "OnDelete"}, "its update strategy is OnDelete: a restart would replace no pod"),
        ("DaemonSet", {"type": "OnDelete"}, "its update strategy is OnDelete: a restart would replace no pod"),
        ("StatefulSet", {"type": "RollingUpdate", "rollingUpdate": {"partition": 3}},
         "its partition 3 keeps all 3 pods: a restart would replace no pod"),
        ("StatefulSet", {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}, ""),
        ("StatefulSet", {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}, ""),
        ("DaemonSet", {"type": "RollingUpdate"}, ""),
    ],
)  # fmt: skip
def test_a_strategy_that_replaces_no_pod_by_itself_is_a_reason_to_refuse(kind, strategy, refused):
    answer = plan({**deployment(updateStrategy=strategy), "kind": kind})
    assert isinstance(answer, Refusal) is (refused != "")
    assert not refused or (answer.reason == refused and answer.remedy)
