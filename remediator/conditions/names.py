"""The names that a condition may speak of, with their types. The rows of docs/rules.md; `sources/view.py` fills them.

Types are written as CEL does; `dyn` is anything. A value may be missing at run time: the condition is then unknown.
"""

from __future__ import annotations

from remediator.core.kinds import WORKLOADS

Fields = dict[str, str]

POD: Fields = {
    "name": "string",
    "phase": "string",
    "ready": "bool",
    "restarts": "int",
    "reason": "string",
    "exit_code": "int",
    "node": "string",
    "age": "duration",
    "images": "list(string)",
}
"""One of `pods`."""

TAINT: Fields = {"key": "string", "value": "string", "effect": "string", "timeAdded": "string"}
"""One of a node's `taints`."""

AUTOSCALER: Fields = {
    "name": "string",
    "min_replicas": "int",
    "max_replicas": "int",
    "current_replicas": "int",
    "desired_replicas": "int",
}
"""The HorizontalPodAutoscaler of a workload, as `hpa`; there is none where it has none."""

DISRUPTION_BUDGET: Fields = {"name": "string", "allowed": "int", "healthy": "int", "wanted": "int"}
"""Of the PodDisruptionBudgets over a workload's pods the one that lets the fewest go, as `pdb`."""

_OBJECT: Fields = {
    "kind": "string",
    "namespace": "string",
    "name": "string",
    "uid": "string",
    "labels": "map(string)",
    "annotations": "map(string)",
    "age": "duration",
}

WORKLOAD: Fields = _OBJECT | {
    "replicas": "int",
    "ready": "int",
    "available": "int",
    "updated": "int",
    "revision": "int",
    "rollout_age": "duration",
    "rolling_out": "bool",
    "paused": "bool",
    "images": "list(string)",
    "gitops": "list(string)",
    "hpa": "Autoscaler",
    "pdb": "DisruptionBudget",
}
"""`target` where it is a workload."""

NODE: Fields = _OBJECT | {
    "ready": "bool",
    "unschedulable": "bool",
    "conditions": "map(string)",
    "taints": "list(Taint)",
    "pods": "list(Pod)",
}
"""`target` where it is a Node; `conditions` is status by type."""

ANY: Fields = WORKLOAD | NODE | {"ready": "dyn"}
"""`target` where its kind is not known when the rule is read, or is another one."""

TARGETS: dict[str, Fields] = {"Workload": WORKLOAD, "Node": NODE, "Any": ANY}
"""The types that `target` may have."""

MESSAGES: dict[str, Fields] = TARGETS | {
    "Pod": POD,
    "Taint": TAINT,
    "Autoscaler": AUTOSCALER,
    "DisruptionBudget": DISRUPTION_BUDGET,
}
"""All types with fields, by name."""

VARIABLES: Fields = {
    "labels": "map(string)",
    "annotations": "map(string)",
    "value": "double",
    "object": "dyn",
    "now": "timestamp",
    "pods": "list(Pod)",
}
"""The names beside `target`."""

NAMES = (*VARIABLES, "target")
"""All names at the top."""


def target_type(kind: str) -> str:
    """The type of `target` for its kind; `Any` where the kind does not tell."""
    if kind == "Node":
        return "Node"
    return "Workload" if kind in WORKLOADS or kind == "ReplicaSet" else "Any"
