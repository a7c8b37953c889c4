"""Alert rules of the kubernetes-mixin, evaluated on the simulated cluster instead of kube-state-metrics' series."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from remediator.core.model import Json, Value
from remediator.simulation.values import condition_of

Labels = dict[str, str]


class AlertRule(Value, frozen=True):
    """One rule: its name, the kind it is about, the alerts that `find` sees in an object of it, its severity and texts.

    `lingers` is what `max_over_time` adds, in seconds.
    """

    name: str
    kind: str
    find: Callable[[Json], Iterator[Labels]]
    severity: str
    summary: str
    description: str
    lingers: float = 0.0


def _stuck(deployment: Json) -> Iterator[Labels]:
    condition = condition_of(deployment.get("status") or {}, "Progressing")
    if condition is not None and condition["status"] == "False":
        metadata = deployment["metadata"]
        yield {
            "namespace": metadata["namespace"],
            "deployment": metadata["name"],
            "condition": "Progressing",
            "status": "false",
        }


def _crash_looping(pod: Json) -> Iterator[Labels]:
    for container in pod["status"].get("containerStatuses") or ():
        reason = (container["state"].get("waiting") or {}).get("reason")
        if reason == "CrashLoopBackOff":
            yield {**_pod(pod), "container": container["name"], "reason": reason}


def _not_ready(pod: Json) -> Iterator[Labels]:
    owners = pod["metadata"].get("ownerReferences") or ()
    is_job = any(owner["kind"] == "Job" for owner in owners)
    if pod["status"].get("phase") in ("Pending", "Unknown", "Failed") and not is_job:
        yield {"namespace": pod["metadata"]["namespace"], "pod": pod["metadata"]["name"]}


def _node_not_ready(node: Json) -> Iterator[Labels]:
    condition = condition_of(node.get("status") or {}, "Ready")
    ready = condition is not None and condition["status"] == "True"
    if not ready and not node["spec"].get("unschedulable"):
        yield {"node": node["metadata"]["name"], "condition": "Ready", "status": "true"}


def _maxed_out(autoscaler: Json) -> Iterator[Labels]:
    spec, status = autoscaler["spec"], autoscaler.get("status") or {}
    if status.get("currentReplicas") == spec["maxReplicas"] != spec.get("minReplicas", 1):
        metadata = autoscaler["metadata"]
        yield {"namespace": metadata["namespace"], "horizontalpodautoscaler": metadata["name"]}


def _pod(pod: Json) -> Labels:
    metadata = pod["metadata"]
    return {"namespace": metadata["namespace"], "pod": metadata["name"], "uid": metadata["uid"]}


RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "KubeDeploymentRolloutStuck",
        "Deployment",
        _stuck,
        "warning",
        "Deployment rollout is not progressing.",
        "Rollout of deployment {namespace}/{deployment} is not progressing for longer than 15 minutes.",
    ),
    AlertRule(
        "KubePodCrashLooping",
        "Pod",
        _crash_looping,
        "warning",
        "Pod is crash looping.",
        'Pod {namespace}/{pod} ({container}) is in waiting state (reason: "{reason}").',
        lingers=300.0,
    ),
    AlertRule(
        "KubePodNotReady",
        "Pod",
        _not_ready,
        "warning",
        "Pod has been in a non-ready state for more than 15 minutes.",
        "Pod {namespace}/{pod} has been in a non-ready state for longer than 15 minutes.",
    ),
    AlertRule(
        "KubeNodeNotReady",
        "Node",
        _node_not_ready,
        "warning",
        "Node is not ready.",
        "{node} has been unready for more than 15 minutes.",
    ),
    AlertRule(
        "KubeHpaMaxedOut",
        "HorizontalPodAutoscaler",
        _maxed_out,
        "warning",
        "HPA is running at max replicas.",
        "HPA {namespace}/{horizontalpodautoscaler} has been running at max replicas for longer than 15 minutes.",
    ),
)
"""The rules an `AlertSource` evaluates. As in the mixin, a cordoned node raises no KubeNodeNotReady."""
