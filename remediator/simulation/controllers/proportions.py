"""Scaling a Deployment in the middle of a rollout: every ReplicaSet gets its share (deployment/sync.go `scale`)."""

from __future__ import annotations

from remediator.core.model import Json
from remediator.simulation.controllers import revisions
from remediator.simulation.controllers.fenceposts import is_rolling, max_surge
from remediator.simulation.controllers.rollout import Rollout
from remediator.simulation.values import annotations_of


def scale(rollout: Rollout) -> None:
    """Bring all ReplicaSets to sizes that fit `replicas`, without hastening the rollout."""
    active = [item for item in rollout.sets if item["spec"]["replicas"] > 0]
    only = active[0] if len(active) == 1 else None
    if not active:
        only = rollout.new or (rollout.sets[-1] if rollout.sets else None)
    if only is not None:
        rollout.resize(only, rollout.replicas)
    elif _is_saturated(rollout):
        for item in rollout.old_active:
            rollout.resize(item, 0)
    elif active and is_rolling(rollout.deployment):
        _share(rollout, active)


def _is_saturated(rollout: Rollout) -> bool:
    new = rollout.new
    if new is None or new["spec"]["replicas"] != rollout.replicas:
        return False
    noted = annotations_of(new).get(revisions.DESIRED)
    available = (new.get("status") or {}).get("availableReplicas", 0)
    return noted == str(rollout.replicas) and available == rollout.replicas


def _share(rollout: Rollout, active: list[Json]) -> None:
    allowed = rollout.replicas + max_surge(rollout.deployment) if rollout.replicas > 0 else 0
    more = allowed - sum(item["spec"]["replicas"] for item in active)
    newest_first = more > 0
    active = sorted(active, key=revisions.age_order, reverse=newest_first)
    active.sort(key=lambda item: item["spec"]["replicas"], reverse=True)
    sizes, given = [], 0
    for item in active:
        part = _part(rollout.deployment, item, more, given)
        sizes.append(item["spec"]["replicas"] + part)
        given += part
    sizes[0] = max(sizes[0] + more - given, 0)
    for item, size in zip(active, sizes, strict=True):
        rollout.resize(item, size, force=True)


def _part(deployment: Json, replica_set: Json, more: int, given: int) -> int:
    if more == 0 or more == given:
        return 0
    size, wanted = replica_set["spec"]["replicas"], deployment["spec"]["replicas"]
    if wanted == 0:
        fraction = -size
    else:
        before = int(annotations_of(replica_set).get(revisions.MAXIMUM, "0"))
        before = before or (deployment.get("status") or {}).get("replicas", 0)
        if not before:
            return 0
        fraction = _rounded(size * (wanted + max_surge(deployment)), before) - size
    return min(fraction, more - given) if more > 0 else max(fraction, more - given)


def _rounded(numerator: int, denominator: int) -> int:
    """A quotient of positive numbers, halves away from zero as Go rounds."""
    return (2 * numerator + denominator) // (2 * denominator)
