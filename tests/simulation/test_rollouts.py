"""Deployments in the simulated cluster act as real ones: surge, stuck rollouts, undo, pause, scaling."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remediator.core.model import PatchType
from remediator.simulation import objects
from remediator.simulation.clock import instant_of
from remediator.simulation.controllers.fenceposts import max_surge, max_unavailable
from remediator.simulation.defaults import defaulted
from remediator.simulation.values import condition_of
from tests.simulation.worlds import (
    BETTER,
    BROKEN,
    CRASHING,
    GOOD,
    SHOP,
    at,
    get,
    merge,
    pods,
    progress,
    roll,
    running,
    scale,
    sizes,
    status,
    world,
)


def test_a_new_deployment_ends_with_all_pods_ready():
    w = world()
    running(w)
    assert len(pods(w, ready=True)) == 3
    assert status(w)["availableReplicas"] == status(w)["updatedReplicas"] == 3
    assert progress(w) == ("True", "NewReplicaSetAvailable")
    assert {pod["spec"]["nodeName"] for pod in pods(w)} == {"node-1", "node-2", "node-3"}


def test_controllers_act_only_when_the_world_moves_on():
    w = world()
    made = running(w)
    scale(w, 4)
    assert status(w)["observedGeneration"] == made["metadata"]["generation"]
    w.settle()
    assert status(w)["observedGeneration"] == made["metadata"]["generation"] + 1


def test_a_rolling_update_replaces_every_pod_and_never_has_too_few_or_too_many():
    w = world()
    running(w, replicas=4, strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}})
    roll(w, BETTER)
    while w.advance(1) or sizes(w).get(GOOD):
        assert len(pods(w, ready=True)) >= 3
        assert len(pods(w)) <= 5
    assert len(pods(w, BETTER, ready=True)) == 4
    assert sizes(w) == {GOOD: 0, BETTER: 4}


@pytest.mark.parametrize("image", [CRASHING, BROKEN, "notready:1", "oom:1"])
def test_a_bad_image_gets_stuck_and_old_pods_are_kept(image: str):
    w = world()
    running(w, replicas=4, progressDeadlineSeconds=60)
    roll(w, image)
    w.advance(60)
    assert progress(w) == ("True", "ReplicaSetUpdated")
    w.advance(10)
    assert progress(w) == ("False", "ProgressDeadlineExceeded")
    assert sizes(w) == {GOOD: 3, image: 2}
    assert len(pods(w, GOOD, ready=True)) == 3
    assert not pods(w, image, ready=True)
    assert condition_of(status(w), "Available")["status"] == "True"


def test_undo_recovers_and_the_old_replica_set_becomes_the_newest_revision():
    w = world()
    template = running(w, progressDeadlineSeconds=60)["spec"]["template"]
    before = {pod["metadata"]["name"] for pod in pods(w)}
    roll(w, CRASHING)
    w.advance(120)
    back = [{"op": "replace", "path": "/spec/template", "value": template}]
    w.server.patch(at("Deployment", "web"), back, PatchType.JSON)
    w.advance(30)
    assert progress(w) == ("True", "NewReplicaSetAvailable")
    assert {pod["metadata"]["name"] for pod in pods(w, ready=True)} == before
    annotations = {
        item["spec"]["template"]["spec"]["containers"][0]["image"]: item["metadata"]["annotations"]
        for item in w.store.each("ReplicaSet")
    }
    assert annotations[GOOD]["deployment.kubernetes.io/revision"] == "3"
    assert annotations[GOOD]["deployment.kubernetes.io/revision-history"] == "1"
    assert annotations[CRASHING]["deployment.kubernetes.io/revision"] == "2"
    assert get(w, "Deployment", "web")["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


def test_recreate_ends_every_old_pod_before_the_first_new_one():
    w = world()
    running(w, strategy={"type": "Recreate"})
    roll(w, BETTER)
    w.advance(1)
    assert all(pod["metadata"].get("deletionTimestamp") for pod in w.store.each("Pod", SHOP))
    w.advance(30)
    assert len(pods(w, BETTER, ready=True)) == 3


def test_a_paused_deployment_does_not_roll_out_but_scales():
    w = world()
    running(w)
    merge(w, "Deployment", "web", {"spec": {"paused": True}})
    roll(w, BETTER)
    scale(w, 5)
    w.advance(30)
    assert sizes(w) == {GOOD: 5}
    assert progress(w) == ("Unknown", "DeploymentPaused")
    merge(w, "Deployment", "web", {"spec": {"paused": None}})
    w.advance(30)
    assert sizes(w) == {GOOD: 0, BETTER: 5}


def test_scaling_in_the_middle_of_a_stuck_rollout_shares_by_size():
    w = world()
    running(w, replicas=10, strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}})
    roll(w, CRASHING)
    w.advance(30)
    assert sizes(w) == {GOOD: 8, CRASHING: 5}
    scale(w, 15)
    w.settle()
    assert sizes(w) == {GOOD: 11, CRASHING: 7}  # the example of the Kubernetes docs


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20), st.integers(1, 40), st.integers(0, 5), st.integers(0, 5))
def test_scaling_in_the_middle_of_rollouts_loses_no_pod_to_rounding(before: int, after: int, first: int, second: int):
    w = world()
    running(w, replicas=before, strategy={"rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 0}})
    for image, seconds in ((BETTER, first), ("app:3", second)):
        roll(w, image)
        w.advance(seconds)
    active = [size for size in sizes(w).values() if size]
    scale(w, after)
    w.step()
    if after != before and len(active) > 1:
        assert sum(sizes(w).values()) == after + max_surge(get(w, "Deployment", "web"))


def test_only_so_many_old_replica_sets_are_kept():
    w = world()
    running(w, revisionHistoryLimit=2)
    for number in range(2, 7):
        roll(w, f"app:{number}")
        w.advance(30)
    revisions = [
        item["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for item in w.store.each("ReplicaSet")
    ]
    assert sorted(revisions) == ["4", "5", "6"]


def test_a_quota_keeps_pods_from_being_created_and_says_so():
    w = world()
    w.create(objects.resource_quota("small", SHOP, pods=2))
    running(w)
    assert len(pods(w)) == 2
    condition = condition_of(status(w), "ReplicaFailure")
    assert condition is not None
    assert "exceeded quota: small" in condition["message"]
    w.server.delete(at("ResourceQuota", "small"))
    w.advance(30)
    assert status(w)["availableReplicas"] == 3
    assert condition_of(status(w), "ReplicaFailure") is None


def test_min_ready_seconds_delay_availability():
    w = world()
    w.create(objects.deployment("web", SHOP, minReadySeconds=60))
    w.advance(30)
    assert status(w)["readyReplicas"] == 3
    assert "availableReplicas" not in status(w)
    w.advance(60)
    assert status(w)["availableReplicas"] == 3


def test_a_pod_whose_image_leaks_is_well_again_after_a_restart():
    w = world()
    running(w, replicas=2, image="leak:1")
    w.advance(120)
    assert not pods(w, ready=True)
    merge(w, "Deployment", "web", {"spec": {"template": {"metadata": {"annotations": {"restartedAt": "now"}}}}})
    w.advance(30)
    assert len(pods(w, ready=True)) == 2


def test_a_crash_loop_backs_off_with_a_growing_restart_count():
    w = world()
    running(w, replicas=1, image=CRASHING)
    counts = []
    for _ in range(6):
        w.advance(60)
        (container,) = pods(w)[0]["status"]["containerStatuses"]
        counts.append(container["restartCount"])
        assert container["lastState"]["terminated"]["exitCode"] == 1
    assert counts == sorted(counts)
    assert counts[0] >= 2
    assert counts[-1] <= 6
    (container,) = pods(w)[0]["status"]["containerStatuses"]
    assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (1, "25%", "25%", (1, 0)),  # surge rounds up, unavailable down
        (3, "25%", "25%", (1, 0)),
        (4, "25%", "25%", (1, 1)),
        (10, "25%", "25%", (3, 2)),
        (10, 0, 0, (0, 1)),  # both zero would never move
        (10, "0%", "1%", (0, 1)),
        (2, 1, 5, (1, 2)),  # never more than there are
    ],
)
def test_percentages_round_as_kubernetes_rounds(replicas: int, surge: object, unavailable: object, expected: tuple):
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    made = defaulted(
        "Deployment",
        objects.deployment(
            "web", SHOP, replicas=replicas, strategy={"type": "RollingUpdate", "rollingUpdate": rolling}
        ),
    )
    assert (max_surge(made), max_unavailable(made)) == expected


def test_progress_moves_the_deadline():
    """Each pod that becomes ready counts as progress, however long the whole takes."""
    w = world()
    running(w, replicas=8, progressDeadlineSeconds=20, minReadySeconds=15)
    w.advance(60)
    roll(w, BETTER)
    start = w.clock.now()
    while progress(w) != ("True", "NewReplicaSetAvailable") or not pods(w, BETTER):
        w.advance(1)
        assert progress(w)[0] == "True"
    assert (w.clock.now() - start).total_seconds() > 20
    condition = condition_of(status(w), "Progressing")
    assert condition is not None
    assert instant_of(condition["lastUpdateTime"]) > start
