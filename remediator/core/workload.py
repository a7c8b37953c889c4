"""What a live workload or node says about itself, read from its raw object as kubectl reads it.

The rules for "rolled out" are those of `kubectl rollout status` (observed generation, updated, total, available).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from remediator.core.histories import revision_of
from remediator.core.model import Json
from remediator.core.readiness import ROLL_OUT, condition, unready
from remediator.core.reconcilers import reconcilers_of
from remediator.core.snapshot import Answer, Facts
from remediator.core.strategies import ALL, takes_away

EXCLUDE = "remediator.io/exclude"
"""Annotation by which an object, its owner or its namespace opts out."""

CONTROL_PLANE = tuple(f"node-role.kubernetes.io/{role}" for role in ("control-plane", "master", "etcd"))
"""Labels of nodes that the control plane or its etcd stands on."""

ZONE = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
"""Labels that name a node's zone, the present one first."""

KEPT_LABELS = 32
"""Labels of the target that are kept in the facts."""


def facts_of(live: Json, taken_at: datetime, revision: int = 0, answers: Sequence[Answer] = ()) -> Facts:
    """The facts of a live object; `revision` is its current roll-out as the caller found it in its history."""
    meta = live["metadata"]
    labels = meta.get("labels") or {}
    counts = _counts(live)
    health = health_of(live)
    return Facts(
        taken_at=taken_at,
        exists=True,
        uid=meta.get("uid", ""),
        resource_version=meta.get("resourceVersion", ""),
        generation=meta.get("generation", 0),
        observed=(live.get("status") or {}).get("observedGeneration"),
        desired=counts["desired"],
        ready=counts["ready"],
        available=counts["available"],
        updated=counts["updated"],
        revision=revision or revision_of(live),
        healthy=not health,
        health=health or "ready",
        rolling_out=_rolling_out(live, counts),
        stuck=condition(live, "Progressing").get("status") == "False",
        paused=bool(live.get("spec", {}).get("paused")),
        deleting=meta.get("deletionTimestamp") is not None,
        labels=dict(sorted(labels.items())[:KEPT_LABELS]),
        more_labels=len(labels) > KEPT_LABELS,
        created_at=instant(meta.get("creationTimestamp")),
        takes_away=takes_away(live, counts["desired"], counts["ready"], counts["available"]),
        control_plane=is_control_plane(live),
        zone=zone_of(live),
        exclude=exclude_of(live),
        reconcilers=reconcilers_of(live),
        answers=tuple(answers),
    )


def is_control_plane(live: Json) -> bool:
    """Whether a node belongs to the control plane; false for every other kind."""
    labels = live["metadata"].get("labels") or {}
    return live.get("kind") == "Node" and any(label in labels for label in CONTROL_PLANE)


def zone_of(live: Json) -> str:
    """A node's zone; empty where it has none, and for every other kind."""
    labels = live["metadata"].get("labels") or {}
    return next((labels[name] for name in ZONE if labels.get(name)), "") if live.get("kind") == "Node" else ""


def exclude_of(live: Json) -> str | None:
    """The annotation by which an object opts out, as it stands there; None where it is not there."""
    return (live["metadata"].get("annotations") or {}).get(EXCLUDE)


def instant(text: str | None) -> datetime | None:
    """An instant as the API writes it; None where there is none."""
    return datetime.fromisoformat(text) if text else None


def health_of(live: Json) -> str:
    """Why a workload or node is not healthy; empty where it is."""
    if live["metadata"].get("deletionTimestamp") is not None:
        return "is being deleted"
    return _unhealthy(live, _counts(live))


def desired_of(live: Json) -> int:
    """How many pods a workload wants."""
    return _counts(live)["desired"]


def _counts(live: Json) -> dict[str, int]:
    spec, status = live.get("spec") or {}, live.get("status") or {}
    if live.get("kind") == "Pod":
        ready = int(condition(live, "Ready").get("status") == "True")
        return {"desired": 1, "total": 1, "ready": ready, "available": ready, "updated": 1}
    if live.get("kind") not in ROLL_OUT:
        return dict.fromkeys(("desired", "total", "ready", "available", "updated"), 0)
    if live.get("kind") == "DaemonSet":
        return {
            "desired": status.get("desiredNumberScheduled", 0),
            "total": status.get("currentNumberScheduled", 0),
            "ready": status.get("numberReady", 0),
            "available": status.get("numberAvailable", 0),
            "updated": status.get("updatedNumberScheduled", 0),
        }
    return {
        "desired": spec.get("replicas", 1),
        "total": status.get("replicas", 0),
        "ready": status.get("readyReplicas", 0),
        # A StatefulSet of an old server has no availableReplicas: ready is then the best that is known.
        "available": status.get("availableReplicas", status.get("readyReplicas", 0)),
        # A ReplicaSet has one template: all its pods are up to date.
        "updated": status.get("replicas" if live.get("kind") == "ReplicaSet" else "updatedReplicas", 0),
    }


def _observed(live: Json) -> bool:
    """Whether the controller has seen the last change; a pod has none."""
    if live.get("kind") == "Pod":
        return True
    return (live.get("status") or {}).get("observedGeneration", 0) >= live["metadata"].get("generation", 0)


def _left_as_they_are(live: Json) -> int:
    """Pods that keep their old template by the owner's wish: below a StatefulSet's partition, or all on `OnDelete`."""
    strategy = live.get("spec", {}).get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return ALL
    return (strategy.get("rollingUpdate") or {}).get("partition") or 0


def _rolling_out(live: Json, counts: dict[str, Any]) -> bool:
    if live.get("kind") == "Node" or live.get("kind") not in ROLL_OUT:
        return False
    updated = counts["updated"] + _left_as_they_are(live)
    return not _observed(live) or updated < counts["desired"] or counts["total"] > updated


def _unhealthy(live: Json, counts: dict[str, int]) -> str:
    """Why the object is not healthy, in the words of `kubectl rollout status`; empty where it is."""
    if live.get("kind") not in ROLL_OUT:
        return unready(live)
    if live.get("kind") == "Node":
        ready = condition(live, "Ready").get("status", "Unknown")
        return "" if ready == "True" else f"node condition Ready is {ready}"
    if not _observed(live):
        return "its controller has not seen the last change yet"
    updated = counts["updated"] + _left_as_they_are(live)
    if updated < counts["desired"]:
        return f"{counts['updated']} of {counts['desired']} replicas updated"
    if counts["total"] > updated:
        return f"{counts['total'] - updated} old replicas still there"
    if counts["ready"] < counts["desired"] or counts["available"] < counts["desired"]:
        return f"{min(counts['ready'], counts['available'])} of {counts['desired']} replicas ready"
    return ""
