"""Whether a target is well, in the words and by the rules of `kubectl rollout status`."""

from __future__ import annotations

import pytest

from remediator.core.histories import revision_of
from remediator.core.workload import facts_of
from tests.unit.builders import START


def workload(kind: str, status: dict, spec: dict | None = None, **meta) -> dict:
    return {
        "kind": kind,
        "metadata": {"name": "web", "generation": 2} | meta,
        "spec": {"replicas": 3} | (spec or {}),
        "status": {"observedGeneration": 2} | status,
    }


def counts(total: int, updated: int, ready: int, available: int | None = None) -> dict:
    names = {"replicas": total, "updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": available}
    return {name: value for name, value in names.items() if value}


def daemons(desired: int, current: int, updated: int, ready: int) -> dict:
    return {
        "desiredNumberScheduled": desired,
        "currentNumberScheduled": current,
        "updatedNumberScheduled": updated,
        "numberReady": ready,
        "numberAvailable": ready,
    }


def node(status: str) -> dict:
    conditions = [{"type": "Ready", "status": status}] if status else []
    return {"kind": "Node", "metadata": {"name": "n1"}, "spec": {}, "status": {"conditions": conditions}}


PARTITION = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}
ON_DELETE = {"updateStrategy": {"type": "OnDelete"}}


@pytest.mark.parametrize(
    ("live", "health", "rolling_out"),
    [
        (workload("Deployment", counts(3, 3, 3, 3)), "ready", False),
        (workload("Deployment", counts(3, 3, 3, 2)), "2 of 3 replicas ready", False),
        (workload("Deployment", counts(3, 3, 0)), "0 of 3 replicas ready", False),
        (workload("Deployment", counts(4, 1, 3, 3)), "1 of 3 replicas updated", True),
        (workload("Deployment", counts(4, 3, 4, 4)), "1 old replicas still there", True),
        (workload("Deployment", {}), "0 of 3 replicas updated", True),
        (
            workload("Deployment", counts(3, 3, 3, 3), generation=3),
            "its controller has not seen the last change yet",
            True,
        ),
        (workload("Deployment", {}, {"replicas": 0}), "ready", False),
        (
            workload("Deployment", counts(3, 3, 3, 3), deletionTimestamp="2026-01-01T00:00:00Z"),
            "is being deleted",
            False,
        ),
        (workload("StatefulSet", counts(3, 3, 3)), "ready", False),
        (workload("StatefulSet", counts(3, 3, 3, 1)), "1 of 3 replicas ready", False),
        (workload("StatefulSet", counts(3, 1, 3)), "1 of 3 replicas updated", True),
        (workload("StatefulSet", counts(3, 1, 3), PARTITION), "ready", False),
        (workload("StatefulSet", counts(3, 0, 3), PARTITION), "0 of 3 replicas updated", True),
        (workload("StatefulSet", counts(3, 1, 2), PARTITION), "2 of 3 replicas ready", False),
        (workload("StatefulSet", counts(3, 0, 3), ON_DELETE), "ready", False),
        (workload("DaemonSet", daemons(3, 3, 3, 3)), "ready", False),
        (workload("DaemonSet", daemons(3, 3, 2, 3)), "2 of 3 replicas updated", True),
        (workload("DaemonSet", daemons(3, 3, 3, 1)), "1 of 3 replicas ready", False),
        (workload("DaemonSet", daemons(3, 3, 0, 3), ON_DELETE), "ready", False),
        (workload("DaemonSet", daemons(0, 0, 0, 0)), "ready", False),
        (node("True"), "ready", False),
        (node("False"), "node condition Ready is False", False),
        (node("Unknown"), "node condition Ready is Unknown", False),
        (node(""), "node condition Ready is Unknown", False),
    ],
)
def test_health_and_whether_a_roll_out_is_going_on(live, health, rolling_out):
    facts = facts_of(live, START)
    assert (facts.health, facts.healthy, facts.rolling_out) == (health, health == "ready", rolling_out)


@pytest.mark.parametrize(
    ("obj", "revision"),
    [
        ({"kind": "Deployment", "metadata": {"annotations": {"deployment.kubernetes.io/revision": "7"}}}, 7),
        ({"kind": "ReplicaSet", "metadata": {}}, 0),
        ({"kind": "ReplicaSet", "metadata": {"annotations": {"deployment.kubernetes.io/revision": "x"}}}, 0),
        ({"kind": "ControllerRevision", "metadata": {}, "revision": 4}, 4),
        ({"metadata": {}, "revision": 4}, 4),
    ],
)
def test_the_number_of_a_roll_out(obj, revision):
    assert revision_of(obj) == revision
