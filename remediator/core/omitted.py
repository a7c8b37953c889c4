"""What the Kubernetes API leaves out of an object where it is zero: a number, a flag, a list that is not there is one.

From the Go types of `k8s.io/api` (`omitempty`): `kubectl uncordon` takes `spec.unschedulable` away, it does not write
false.
"""

from __future__ import annotations

from typing import Any

from remediator.core.model import Json

_COUNTS = ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas", "observedGeneration")

_META: Json = {
    "labels": {},
    "annotations": {},
    "ownerReferences": [],
    "finalizers": [],
    "deletionTimestamp": None,
    "generation": 0,
}


def _zero(*names: str) -> Json:
    return dict.fromkeys(names, 0)


_OMITTED: dict[str, dict[str, Json]] = {
    "Node": {"spec": {"unschedulable": False, "taints": []}, "status": {"conditions": [], "addresses": []}},
    "Pod": {
        "spec": {"nodeName": "", "hostNetwork": False, "volumes": [], "initContainers": []},
        "status": {"reason": "", "message": "", "podIP": "", "conditions": [], "containerStatuses": []},
    },
    "Deployment": {
        "spec": {"paused": False},
        "status": _zero(*_COUNTS, "unavailableReplicas") | {"conditions": []},
    },
    "ReplicaSet": {"status": _zero(*_COUNTS, "fullyLabeledReplicas") | {"conditions": []}},
    "StatefulSet": {"status": _zero(*_COUNTS, "currentReplicas") | {"conditions": []}},
    "DaemonSet": {
        "status": _zero("updatedNumberScheduled", "numberAvailable", "numberUnavailable", "observedGeneration")
        | {"conditions": []}
    },
    "Job": {"spec": {"suspend": False}, "status": _zero("active", "succeeded", "failed") | {"conditions": []}},
    "CronJob": {"spec": {"suspend": False}, "status": {"active": []}},
    "HorizontalPodAutoscaler": {"status": _zero("currentReplicas", "observedGeneration") | {"conditions": []}},
    "PersistentVolumeClaim": {"spec": {"volumeName": ""}, "status": {"conditions": []}},
    "PodDisruptionBudget": {"status": _zero("observedGeneration") | {"conditions": []}},
    "Namespace": {"status": {"conditions": []}},
}


def completed(kind: str, obj: Json) -> Json:
    """The object with what its kind leaves out where it is zero; what it says stands."""
    filled: dict[str, Any] = dict(obj)
    for part, zeros in {**_OMITTED.get(kind, {}), "metadata": _META}.items():
        filled[part] = {**zeros, **(obj.get(part) or {})}
    return filled
