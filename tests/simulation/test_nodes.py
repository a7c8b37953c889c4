"""Nodes that fail, cordons, taints, and what becomes of the pods on them."""

from __future__ import annotations

from remediator.simulation import objects
from remediator.simulation.controllers.nodes import KUBELET
from remediator.simulation.values import condition_of, is_ready
from tests.simulation.worlds import SHOP, get, merge, pods, running, scale, status, world


def readiness(w, node: str = "node-1") -> str:
    return condition_of(get(w, "Node", node)["status"], "Ready")["status"]


def silence(w, node: str = "node-1") -> None:
    merge(w, "Node", node, {"metadata": {"annotations": {KUBELET: "down"}}})


def test_a_silent_kubelet_makes_a_node_unknown_after_forty_seconds():
    w = world()
    running(w)
    silence(w)
    w.advance(39)
    assert readiness(w) == "True"
    w.advance(2)
    assert readiness(w) == "Unknown"
    assert len(pods(w, ready=True)) == 2
    taints = {(taint["key"], taint["effect"]) for taint in get(w, "Node", "node-1")["spec"]["taints"]}
    assert taints == {
        ("node.kubernetes.io/unreachable", "NoSchedule"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
    }


def test_its_pods_are_replaced_elsewhere_after_five_minutes_and_stay_terminating():
    w = world()
    running(w)
    silence(w)
    w.advance(40 + 290)
    assert len(pods(w)) == 3
    w.advance(30)
    assert status(w)["availableReplicas"] == 3
    assert {pod["spec"]["nodeName"] for pod in pods(w)} == {"node-2", "node-3"}
    lost = [pod for pod in w.store.each("Pod", SHOP) if pod["spec"]["nodeName"] == "node-1"]
    assert [bool(pod["metadata"].get("deletionTimestamp")) for pod in lost] == [True]


def test_a_node_that_comes_back_is_cleaned_up():
    w = world()
    running(w)
    silence(w)
    w.advance(400)
    merge(w, "Node", "node-1", {"metadata": {"annotations": {KUBELET: None}}})
    w.advance(10)
    assert readiness(w) == "True"
    assert "taints" not in get(w, "Node", "node-1")["spec"]
    assert all(pod["spec"]["nodeName"] != "node-1" for pod in w.store.each("Pod", SHOP))


def test_a_node_that_says_it_is_not_ready_takes_no_readiness_from_its_pods():
    """Only of a silent one does the node controller say so; tests/fidelity shows it on a real control plane."""
    w = world()
    running(w)
    node = get(w, "Node", "node-1")
    conditions = [{**node["status"]["conditions"][0], "status": "False", "reason": "KubeletNotReady"}]
    w.server.update_status({**node, "status": {**node["status"], "conditions": conditions}})
    w.advance(5)
    assert [is_ready(pod) for pod in pods(w) if pod["spec"]["nodeName"] == "node-1"] == [True]
    assert status(w)["availableReplicas"] == 3


def test_a_cordoned_node_keeps_its_pods_and_gets_no_new_ones():
    w = world()
    running(w)
    merge(w, "Node", "node-1", {"spec": {"unschedulable": True}})
    scale(w, 9)
    w.advance(10)
    assert sum(pod["spec"]["nodeName"] == "node-1" for pod in pods(w)) == 1
    assert status(w)["availableReplicas"] == 9


def test_without_a_fitting_node_pods_wait_and_say_why():
    w = world(nodes=1)
    merge(w, "Node", "node-1", {"spec": {"unschedulable": True}})
    w.create(objects.deployment("web", SHOP, replicas=1))
    w.advance(10)
    (pod,) = pods(w)
    assert pod["status"]["phase"] == "Pending"
    condition = condition_of(pod["status"], "PodScheduled")
    assert (condition["reason"], condition["status"]) == ("Unschedulable", "False")
    assert condition["message"] == "0/1 nodes are available: 1 node(s) were unschedulable."
    merge(w, "Node", "node-1", {"spec": {"unschedulable": None}})
    w.advance(10)
    assert len(pods(w, ready=True)) == 1


def test_a_full_node_takes_no_more():
    w = world(nodes=0)
    w.create(objects.node("tiny", pods=2))
    w.create(objects.deployment("web", SHOP, replicas=3))
    w.advance(10)
    assert len(pods(w, ready=True)) == 2


def test_a_daemon_set_pod_stays_on_a_node_that_is_lost():
    w = world()
    w.create(objects.daemon_set("agent", SHOP))
    w.advance(10)
    silence(w)
    w.advance(600)
    assert len(pods(w)) == 3
