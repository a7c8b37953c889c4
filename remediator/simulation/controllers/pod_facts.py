"""What controllers ask of pods: do they count, are they ready, for long enough, and which goes first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from remediator.core.model import Json
from remediator.simulation.clock import instant_of
from remediator.simulation.store import Commit
from remediator.simulation.values import condition_of, is_ready


def is_active(pod: Json) -> bool:
    """Neither ended nor being deleted: what a ReplicaSet counts."""
    return pod["status"].get("phase") not in ("Succeeded", "Failed") and not pod["metadata"].get("deletionTimestamp")


def concerns_owner(commit: Commit) -> bool:
    """Whether a commit of a pod changes anything that its owner or its budget counts by; restarts do not."""
    old, new = commit.old, commit.obj
    if commit.type != "MODIFIED" or old is None:
        return True
    return (
        old["status"].get("phase") != new["status"].get("phase")
        or condition_of(old["status"], "Ready") != condition_of(new["status"], "Ready")
        or old["spec"].get("nodeName") != new["spec"].get("nodeName")
        or any(old["metadata"].get(field) != new["metadata"].get(field) for field in _COUNTED_BY)
    )


_COUNTED_BY = ("labels", "ownerReferences", "deletionTimestamp")


def available_at(pod: Json, min_ready: int) -> datetime | None:
    """From when on a ready pod counts as available; `None` for one that is not ready."""
    condition = condition_of(pod["status"], "Ready")
    if condition is None or condition["status"] != "True":
        return None
    return instant_of(condition["lastTransitionTime"]) + timedelta(seconds=min_ready)


def counts(pods: Sequence[Json], min_ready: int, now: datetime) -> tuple[int, int, float]:
    """Ready pods, available ones, and in how many seconds the next ready one becomes available (0: none to come)."""
    ready = [at for pod in pods if (at := available_at(pod, min_ready)) is not None]
    waiting = [(at - now).total_seconds() for at in ready if at > now]
    return len(ready), len(ready) - len(waiting), min(waiting, default=0.0)


_PHASES = {"Pending": 0, "Unknown": 1}


def deletion_order(pods: Sequence[Json]) -> list[Json]:
    """Pods in the order in which a ReplicaSet that is too large deletes them (controller_utils.go ActivePodsWithRanks).

    Without a node, pending, not ready, cheap (`pod-deletion-cost`), doubled up on a node, ready for a shorter time,
    more restarts, younger; then by uid.
    """
    nodes: dict[str, int] = {}
    for pod in pods:
        nodes[pod["spec"].get("nodeName", "")] = nodes.get(pod["spec"].get("nodeName", ""), 0) + 1
    return sorted(pods, key=lambda pod: _rank(pod, nodes[pod["spec"].get("nodeName", "")]))


def _rank(pod: Json, neighbours: int) -> tuple[Any, ...]:
    annotations = pod["metadata"].get("annotations") or {}
    condition = condition_of(pod["status"], "Ready")
    ready_since = condition["lastTransitionTime"] if condition and is_ready(pod) else ""
    return (
        bool(pod["spec"].get("nodeName")),
        _PHASES.get(pod["status"].get("phase", ""), 2),
        is_ready(pod),
        int(annotations.get("controller.kubernetes.io/pod-deletion-cost", "0")),
        -neighbours,
        _reversed(ready_since),
        -restarts(pod),
        _reversed(pod["metadata"]["creationTimestamp"]),
        pod["metadata"]["uid"],
    )


def _reversed(text: str) -> tuple[int, ...]:
    """A key that orders time stamps from the latest to the earliest."""
    return tuple(-ord(letter) for letter in text)


def restarts(pod: Json) -> int:
    """The highest restart count of its containers."""
    return max((item["restartCount"] for item in pod["status"].get("containerStatuses") or ()), default=0)
