"""Who else has a say over a target's pods, read live: PodDisruptionBudgets, and what scales it by itself."""

from __future__ import annotations

import contextlib

from remediator.core.kinds import KINDS
from remediator.core.model import Json, Resource
from remediator.core.state import Incident, State
from remediator.core.surroundings import DisruptionBudget
from remediator.ports import Cluster, Forbidden, NotFound

SCALED_OBJECT = Resource("keda.sh/v1alpha1", "ScaledObject", "scaledobjects")
"""KEDA's resource. It scales through an HPA of its own, but for the step between none and one."""


async def disruption_budgets(
    cluster: Cluster, state: State, incident: Incident, live: Json
) -> tuple[DisruptionBudget, ...]:
    """The budgets that cover the target's pods."""
    if incident.target.kind == "Node":
        return ()
    own = live["metadata"] if incident.target.kind == "Pod" else live["spec"]["template"]["metadata"]
    return await budgets_over(cluster, incident.target.namespace, own.get("labels") or {})


async def budgets_over(cluster: Cluster, namespace: str, labels: dict[str, str]) -> tuple[DisruptionBudget, ...]:
    """The budgets of a namespace that cover pods with these labels. One whose status is behind lets nothing go."""
    found = await cluster.list(KINDS["PodDisruptionBudget"], namespace)
    return tuple(_budget(each) for each in found if covers(each["spec"].get("selector"), labels))


async def autoscalers(cluster: Cluster, state: State, incident: Incident, live: Json) -> tuple[str, ...]:
    """What scales the target: HorizontalPodAutoscalers, and ScaledObjects where these may be read at all."""
    target = incident.target
    found = [*await cluster.list(KINDS["HorizontalPodAutoscaler"], target.namespace)]
    with contextlib.suppress(NotFound, Forbidden):  # without rights, not installed looks like forbidden
        scaled = await cluster.list(SCALED_OBJECT, target.namespace)
        found += [{**each, "kind": "ScaledObject"} for each in scaled]
    return tuple(_name(each) for each in found if scales(each, target.kind, target.name))


def covers(selector: Json | None, labels: dict[str, str]) -> bool:
    """Whether a label selector matches: an empty one all, none nothing (policy/v1)."""
    if selector is None:
        return False
    exact = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return exact and all(_holds(each, labels) for each in selector.get("matchExpressions") or ())


def _holds(expression: Json, labels: dict[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _budget(live: Json) -> DisruptionBudget:
    status = live.get("status") or {}
    seen = status.get("observedGeneration", 0) >= live["metadata"].get("generation", 0)
    return DisruptionBudget(live["metadata"]["name"], status.get("disruptionsAllowed", 0) if seen else 0)


def scales(live: Json, kind: str, name: str) -> bool:
    """Whether it scales the object; KEDA leaves the kind out where it is a Deployment."""
    ref = live["spec"].get("scaleTargetRef") or {}
    return (ref.get("kind") or "Deployment", ref.get("name")) == (kind, name)


def _name(live: Json) -> str:
    return f"{live.get('kind') or 'HorizontalPodAutoscaler'} {live['metadata']['name']}"
