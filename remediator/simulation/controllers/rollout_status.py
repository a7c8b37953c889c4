"""A Deployment's status and its Available and Progressing conditions (pkg/controller/deployment/progress.go)."""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.core.model import Json
from remediator.simulation.clock import instant_of, stamp
from remediator.simulation.controllers.conditions import dropped, with_condition
from remediator.simulation.controllers.fenceposts import max_unavailable
from remediator.simulation.values import condition_of


def numbers(deployment: Json, sets: list[Json], new: Json | None, at: str) -> Json:
    """The status from the ReplicaSets' own, with the Available condition; zeros are left out as the API does."""
    available = _sum(sets, "availableReplicas")
    status: Json = {"observedGeneration": deployment["metadata"]["generation"]}
    values = {
        "replicas": _sum(sets, "replicas"),
        "updatedReplicas": _sum([new] if new else [], "replicas"),
        "readyReplicas": _sum(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(sum(item["spec"]["replicas"] for item in sets) - available, 0),
    }
    before = deployment.get("status") or {}
    status |= {name: value for name, value in values.items() if value}
    status["terminatingReplicas"] = _sum(sets, "terminatingReplicas")
    status |= {name: before[name] for name in ("collisionCount", "conditions") if name in before}
    enough = available >= deployment["spec"]["replicas"] - max_unavailable(deployment)
    if enough:
        text = "Deployment has minimum availability."
        return with_condition(status, "Available", "True", "MinimumReplicasAvailable", text, at, updated=True)
    text = "Deployment does not have minimum availability."
    return with_condition(status, "Available", "False", "MinimumReplicasUnavailable", text, at, updated=True)


def progressed(deployment: Json, status: Json, new: Json | None, now: datetime) -> Json:
    """The status with the Progressing condition: complete, getting on, or out of time."""
    before = deployment.get("status") or {}
    current = condition_of(before, "Progressing")
    if "progressDeadlineSeconds" not in deployment["spec"]:
        return dropped(status, "Progressing")
    settled = _get(status, "replicas") == _get(status, "updatedReplicas")
    if settled and current is not None and current["reason"] == "NewReplicaSetAvailable":
        return status
    name = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    at = stamp(now)
    if is_complete(deployment, status):
        text = f"{name} has successfully progressed."
        return with_condition(status, "Progressing", "True", "NewReplicaSetAvailable", text, at, updated=True)
    if _got_on(before, status):
        return _moved(status, current, f"{name} is progressing.", at)
    if timed_out(deployment, status, now):
        text = f"{name} has timed out progressing."
        return with_condition(status, "Progressing", "False", "ProgressDeadlineExceeded", text, at, updated=True)
    return status


def is_complete(deployment: Json, status: Json) -> bool:
    """Every replica is of the new template and available, and nothing else is left."""
    wanted = deployment["spec"]["replicas"]
    same = all(_get(status, name) == wanted for name in ("updatedReplicas", "replicas", "availableReplicas"))
    return same and _get(status, "observedGeneration") >= deployment["metadata"]["generation"]


def timed_out(deployment: Json, status: Json, now: datetime) -> bool:
    """Whether no progress was noticed for `progressDeadlineSeconds`."""
    condition = condition_of(status, "Progressing")
    if condition is None or condition["reason"] == "NewReplicaSetAvailable":
        return False
    if condition["reason"] == "ProgressDeadlineExceeded":
        return True
    return deadline(deployment, condition) < now


def deadline(deployment: Json, condition: Json) -> datetime:
    """When a rollout that makes no more progress is out of time."""
    seconds = timedelta(seconds=deployment["spec"]["progressDeadlineSeconds"])
    return instant_of(condition["lastUpdateTime"]) + seconds


def _moved(status: Json, current: Json | None, text: str, at: str) -> Json:
    """Progress with the same reason still moves `lastUpdateTime`, and with it the deadline."""
    moved = with_condition(
        dropped(status, "Progressing"), "Progressing", "True", "ReplicaSetUpdated", text, at, updated=True
    )
    if current is not None and current["status"] == "True":
        moved["conditions"][-1]["lastTransitionTime"] = current["lastTransitionTime"]
    return moved


def _got_on(before: Json, status: Json) -> bool:
    old_before = _get(before, "replicas") - _get(before, "updatedReplicas")
    old_now = _get(status, "replicas") - _get(status, "updatedReplicas")
    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return old_now < old_before or any(_get(status, name) > _get(before, name) for name in grown)


def _get(status: Json, name: str) -> int:
    return int(status.get(name, 0))


def _sum(sets: list[Json], name: str) -> int:
    return sum(_get(item.get("status") or {}, name) for item in sets)
