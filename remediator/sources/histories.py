"""The roll-out history of a workload as a diagnosis tells it, and what one revision changed against the one before."""

from __future__ import annotations

from datetime import datetime

from remediator.core.diagnosis import Revision
from remediator.core.diff import diff
from remediator.core.model import Json
from remediator.core.workload import revision_of as number_of

KIND_OF = {"Deployment": "ReplicaSet", "StatefulSet": "ControllerRevision", "DaemonSet": "ControllerRevision"}
"""What keeps the history of each kind."""

MOST, MOST_LINES = 5, 30
"""Revisions told, and lines of a difference."""

CAUSE = "kubernetes.io/change-cause"


def newest_first(found: list[Json], owner: Json) -> list[Json]:
    """The owner's own revisions, the newest first."""
    uid = owner["metadata"].get("uid")
    own = [each for each in found if _owned(each, uid)]
    return sorted(own, key=number_of, reverse=True)


def revision_of(revision: Json) -> Revision:
    """One roll-out in short."""
    meta, status = revision["metadata"], revision.get("status")
    containers = (_template(revision).get("spec") or {}).get("containers") or ()
    return Revision(
        number_of(revision),
        instant(meta.get("creationTimestamp")),
        tuple(each.get("image", "") for each in containers),
        None if status is None else status.get("readyReplicas", 0),
        (meta.get("annotations") or {}).get(CAUSE, ""),
    )


def changed(older: Json, newer: Json) -> str:
    """What differs between the pod templates of two revisions; of environment variables that, and not how."""
    lines = diff(_plain(older), _plain(newer)).splitlines()
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more lines"]
    return "\n".join(lines)


def instant(text: str | None) -> datetime | None:
    """An instant as the API writes it; None where there is none, or none that can be read."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _template(revision: Json) -> Json:
    """The pod template: in the spec of a ReplicaSet, in the data of a ControllerRevision."""
    held = revision.get("data") or revision
    return (held.get("spec") or {}).get("template") or {}


def _plain(revision: Json) -> Json:
    """The template without the label that tells a ReplicaSet's pods apart."""
    template = _template(revision)
    meta = template.get("metadata") or {}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != "pod-template-hash"}
    return {**template, "metadata": {**meta, "labels": labels}}


def _owned(obj: Json, uid: str | None) -> bool:
    return any(each.get("uid") == uid for each in obj["metadata"].get("ownerReferences") or ())
