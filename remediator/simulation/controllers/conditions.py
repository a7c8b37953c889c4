"""Conditions in a status, set the way the real controllers set them."""

from __future__ import annotations

from remediator.core.model import Json
from remediator.simulation.values import condition_of


def with_condition(
    status: Json, kind: str, value: str, reason: str, message: str, stamp: str, *, updated: bool = False
) -> Json:
    """The status with a condition. Same value and reason: as it was; same value: its transition time stays.

    `updated` gives it a `lastUpdateTime` as well, which only Deployments have.
    """
    current = condition_of(status, kind)
    if current is not None and current["status"] == value and current.get("reason", "") == reason:
        return status
    since = current["lastTransitionTime"] if current is not None and current["status"] == value else stamp
    condition = {
        "type": kind,
        "status": value,
        **({"lastUpdateTime": stamp} if updated else {}),
        "lastTransitionTime": since,
        **({"reason": reason} if reason else {}),
        **({"message": message} if message else {}),
    }
    return {**status, "conditions": [*without(status, kind), condition]}


def without(status: Json, kind: str) -> list[Json]:
    """The conditions but for one type."""
    return [condition for condition in status.get("conditions") or () if condition["type"] != kind]


def dropped(status: Json, kind: str) -> Json:
    """The status without a condition."""
    return {**status, "conditions": without(status, kind)}
