"""StatefulSets, DaemonSets, Jobs, budgets and garbage in the simulated cluster."""

from __future__ import annotations

import pytest

from remediator.simulation import objects
from remediator.simulation.values import condition_of
from tests.simulation.worlds import BETTER, CRASHING, GOOD, SHOP, at, get, merge, pods, roll, running, status, world


def revisions(w, owner: str) -> dict[str, int]:
    """Revision numbers by the image of their template."""
    return {
        item["data"]["spec"]["template"]["spec"]["containers"][0]["image"]: item["revision"]
        for item in w.store.each("ControllerRevision", SHOP)
        if item["metadata"]["name"].startswith(owner)
    }


def test_a_stateful_set_starts_one_pod_after_the_other():
    w = world()
    w.create(objects.stateful_set("db", SHOP, GOOD))
    seen = []
    while len(pods(w, ready=True)) < 3:
        w.advance(1)
        seen.append(len(pods(w)))
        assert len(pods(w)) - len(pods(w, ready=True)) <= 1
    assert [pod["metadata"]["name"] for pod in pods(w)] == ["db-0", "db-1", "db-2"]
    assert sorted(set(seen)) == [1, 2, 3]


def test_a_stateful_set_rolls_from_the_last_pod_and_stops_at_a_bad_one():
    w = world()
    w.create(objects.stateful_set("db", SHOP, GOOD))
    w.advance(30)
    roll(w, CRASHING, "db", "StatefulSet")
    w.advance(120)
    images = {pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"] for pod in pods(w)}
    assert images == {"db-0": GOOD, "db-1": GOOD, "db-2": CRASHING}
    found = status(w, "StatefulSet", "db")
    assert found["updateRevision"] != found["currentRevision"]
    assert (found["updatedReplicas"], found["currentReplicas"], found["readyReplicas"]) == (1, 2, 2)


def test_going_back_renumbers_the_old_controller_revision_but_leaves_the_broken_pod_to_a_person():
    w = world()
    w.create(objects.stateful_set("db", SHOP, GOOD))
    w.advance(30)
    roll(w, CRASHING, "db", "StatefulSet")
    w.advance(60)
    roll(w, GOOD, "db", "StatefulSet")
    w.advance(60)
    assert revisions(w, "db") == {GOOD: 3, CRASHING: 2}
    assert len(pods(w, ready=True)) == 2  # the forced-rollback trouble of the Kubernetes docs
    w.server.delete(at("Pod", "db-2"))
    w.advance(30)
    assert len(pods(w, GOOD, ready=True)) == 3


def test_pods_of_a_stateful_set_name_their_revision():
    w = world()
    w.create(objects.stateful_set("db", SHOP, GOOD, replicas=1))
    w.advance(30)
    assert (
        pods(w)[0]["metadata"]["labels"]["controller-revision-hash"] == status(w, "StatefulSet", "db")["updateRevision"]
    )


def test_a_daemon_set_has_a_pod_on_every_node_also_on_new_ones():
    w = world()
    w.create(objects.daemon_set("agent", SHOP, GOOD))
    w.advance(10)
    assert sorted(pod["spec"]["nodeName"] for pod in pods(w)) == ["node-1", "node-2", "node-3"]
    w.create(objects.node("node-4"))
    w.advance(10)
    assert status(w, "DaemonSet", "agent")["numberReady"] == 4


def test_a_daemon_set_rolls_one_node_at_a_time_and_goes_back():
    w = world()
    w.create(objects.daemon_set("agent", SHOP, GOOD))
    w.advance(10)
    roll(w, CRASHING, "agent", "DaemonSet")
    w.advance(120)
    found = status(w, "DaemonSet", "agent")
    assert (found["updatedNumberScheduled"], found["numberReady"], found["numberUnavailable"]) == (1, 2, 1)
    roll(w, GOOD, "agent", "DaemonSet")
    w.advance(30)
    assert len(pods(w, GOOD, ready=True)) == 3
    assert revisions(w, "agent") == {GOOD: 3, CRASHING: 2}


@pytest.mark.parametrize(
    ("image", "end", "counts"),
    [
        ("task:1", "Complete", {"succeeded": 1}),
        ("fail:1", "Failed", {"failed": 3}),
        ("hang:1", "", {"active": 1}),
    ],
)
def test_a_job_ends_as_its_image_says(image: str, end: str, counts: dict[str, int]):
    w = world()
    w.create(objects.job("once", SHOP, image, backoffLimit=2))
    w.advance(60)
    found = status(w, "Job", "once")
    assert {name: found.get(name) for name in counts} == counts
    assert [item["type"] for item in found.get("conditions", [])][-1:] == ([end] if end else [])


@pytest.mark.parametrize(
    ("spec", "desired", "allowed"),
    [
        ({"min_available": 3}, 3, 1),
        ({"min_available": "50%"}, 2, 2),
        ({"min_available": "60%"}, 3, 1),  # rounds up
        ({"max_unavailable": 1}, 3, 1),
        ({"max_unavailable": "30%"}, 2, 2),  # rounds up
        ({"max_unavailable": 0}, 4, 0),
    ],
)
def test_a_budget_allows_what_its_numbers_leave(spec: dict, desired: int, allowed: int):
    w = world()
    running(w, replicas=4)
    w.create(objects.disruption_budget("budget", SHOP, "web", **spec))
    w.settle()
    found = status(w, "PodDisruptionBudget", "budget")
    assert (found["desiredHealthy"], found["disruptionsAllowed"]) == (desired, allowed)


def test_what_an_owner_leaves_behind_is_collected():
    w = world()
    running(w)
    roll(w, BETTER)
    w.advance(30)
    w.server.delete(at("Deployment", "web"))
    w.advance(30)
    assert not list(w.store.each("ReplicaSet")) + list(w.store.each("Pod"))


def test_a_namespace_is_emptied_before_it_goes_and_only_that_one():
    w = world()
    running(w)
    w.server.delete(at("Namespace", SHOP))
    w.advance(60)
    assert [item["metadata"]["name"] for item in w.store.each("Namespace")] == ["default", "kube-system"]
    assert not list(w.store.each("Pod"))


def test_a_pods_fate_can_be_changed_while_it_runs():
    w = world()
    running(w, replicas=1)
    (pod,) = pods(w)
    merge(w, "Pod", pod["metadata"]["name"], {"metadata": {"annotations": {"simulation.remediator.io/fate": "crash"}}})
    w.advance(10)
    assert not pods(w, ready=True)
    found = get(w, "Pod", pod["metadata"]["name"])
    assert found["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert condition_of(found["status"], "Ready")["reason"] == "ContainersNotReady"
