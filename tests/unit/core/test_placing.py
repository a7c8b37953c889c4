"""Whether pods find room on other nodes: each thing that is looked at, and what is only named."""

from __future__ import annotations

import pytest

from remediator.core.placing import beyond, requests, unplaced
from remediator.core.quantities import quantity

TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


def node(name="other", *, ready="True", labels=None, taints=(), unschedulable=False, **allocatable):
    allocatable = {"cpu": "2", "memory": "4Gi", "pods": "10"} | allocatable
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"taints": list(taints), "unschedulable": unschedulable},
        "status": {"allocatable": allocatable, "conditions": [{"type": "Ready", "status": ready}]},
    }


def pod(name="web", node="", phase="Running", containers=({"cpu": "500m"},), **spec):
    made = [{"name": f"c{i}", "resources": {"requests": dict(each)}} for i, each in enumerate(containers)]
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"nodeName": node, "containers": made} | spec,
        "status": {"phase": phase},
    }


def affinity(key, operator, *values, kind="matchExpressions"):
    expression = {"key": key, "operator": operator, "values": list(values)}
    terms = {"nodeSelectorTerms": [{kind: [expression]}]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}


@pytest.mark.parametrize(
    ("one", "where", "fits"),
    [
        (pod(), node(), True),
        (pod(containers=({"cpu": "2"},)), node(), True),
        (pod(containers=({"cpu": "2001m"},)), node(), False),
        (pod(containers=({"cpu": "1"}, {"cpu": "1001m"})), node(), False),
        (pod(containers=({"memory": "4Gi"},)), node(), True),
        (pod(containers=({"memory": "5G"},)), node(), False),
        (pod(containers=({"nvidia.com/gpu": "1"},)), node(), False),
        (pod(), node(pods="0"), False),
        (pod(), node(ready="False"), False),
        (pod(), node(unschedulable=True), False),
        (pod(), node(taints=[TAINT]), False),
        (pod(), node(taints=[TAINT | {"effect": "PreferNoSchedule"}]), True),
        (pod(tolerations=[TAINT]), node(taints=[TAINT]), True),
        (pod(tolerations=[TAINT | {"value": "no"}]), node(taints=[TAINT]), False),
        (pod(tolerations=[{"operator": "Exists"}]), node(taints=[TAINT]), True),
        (pod(tolerations=[{"key": "gpu", "operator": "Exists", "effect": "NoExecute"}]), node(taints=[TAINT]), False),
        (pod(nodeSelector={"disk": "ssd"}), node(labels={"disk": "ssd"}), True),
        (pod(nodeSelector={"disk": "ssd"}), node(labels={"disk": "hdd"}), False),
        (pod(**affinity("zone", "In", "a", "b")), node(labels={"zone": "b"}), True),
        (pod(**affinity("zone", "In", "a", "b")), node(labels={"zone": "c"}), False),
        (pod(**affinity("zone", "NotIn", "a")), node(), True),
        (pod(**affinity("zone", "Exists")), node(), False),
        (pod(**affinity("zone", "DoesNotExist")), node(), True),
        (pod(**affinity("cores", "Gt", "4")), node(labels={"cores": "8"}), True),
        (pod(**affinity("cores", "Lt", "4")), node(labels={"cores": "8"}), False),
        (pod(**affinity("metadata.name", "In", "other", kind="matchFields")), node(), True),
        (pod(**affinity("metadata.name", "In", "gone", kind="matchFields")), node(), False),
    ],
)
def test_a_node_takes_a_pod_that_it_has_room_for_and_that_may_go_there(one, where, fits):
    assert (unplaced([one], [where], []) == ()) is fits


def test_what_runs_there_takes_its_room_and_what_has_ended_none():
    big = pod(containers=({"cpu": "1500m"},))
    here = pod("here", "other", containers=({"cpu": "1"},))
    assert unplaced([big], [node()], [here]) == (big,)
    assert unplaced([big], [node()], [pod("here", "other", "Succeeded", ({"cpu": "1"},))]) == ()


def test_pods_that_move_take_room_from_each_other():
    pods = [pod(f"web-{number}", containers=({"cpu": "800m"},)) for number in range(5)]
    assert len(unplaced(pods, [node("one"), node("two")], [])) == 1


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({}, "500m"),
        ({"initContainers": [{"name": "i", "resources": {"requests": {"cpu": "2"}}}]}, "2"),
        ({"initContainers": [{"restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}}]}, "1500m"),
        ({"overhead": {"cpu": "100m"}}, "600m"),
    ],
)  # fmt: skip
def test_what_a_pod_requests_in_all(spec, cpu):
    assert requests(pod(**spec))["cpu"] == quantity(cpu)


def test_what_is_not_looked_at_is_named():
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}
    assert beyond(pod()) == ()
    assert beyond(pod(volumes=[claim], affinity=apart)) == ("pod affinity", "volumes")


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("500m", 0.5), ("2Ki", 2048), ("1e3", 1000), ("1E", 1e18), ("1.5Gi", 1.5 * 2**30), (3, 3), ("-1", -1)],
)
def test_quantities(text, number):
    assert quantity(text) == number


@pytest.mark.parametrize("text", ["", "m", "1x", "1.2.3", "1 Gi"])
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(ValueError, match="is no quantity"):
        quantity(text)
