"""Revisions of a Deployment: which ReplicaSet is its new one, and the annotations that `rollout undo` reads.

After pkg/controller/deployment/sync.go and util/deployment_util.go.
"""

from __future__ import annotations

import json

from remediator.core.model import Json
from remediator.simulation.controllers.fenceposts import max_surge
from remediator.simulation.identity import fnv32a, safe_encoded
from remediator.simulation.values import annotations_of, copied, owner_reference

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
_SKIPPED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        REVISION_HISTORY,
        DESIRED,
        MAXIMUM,
        "deprecated.deployment.rollback.to",
    }
)


def template_hash(template: Json, collisions: int = 0) -> str:
    """The `pod-template-hash` of a pod template. As long as the real one and as stable, but not the same letters:
    that is a hash over a Go struct.
    """
    text = json.dumps(template, sort_keys=True, separators=(",", ":"))
    return safe_encoded(str(fnv32a((text + (str(collisions) if collisions else "")).encode())))


def without_hash(template: Json) -> Json:
    """A pod template without its hash label: what two revisions are compared by."""
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}


def new_set_of(deployment: Json, sets: list[Json]) -> Json | None:
    """The oldest ReplicaSet with the Deployment's present template."""
    wanted = without_hash(deployment["spec"]["template"])
    same = [item for item in sets if without_hash(item["spec"]["template"]) == wanted]
    return min(same, key=age_order) if same else None


def age_order(replica_set: Json) -> tuple[str, str]:
    """Sorts the oldest first, equal ages by name."""
    return replica_set["metadata"]["creationTimestamp"], replica_set["metadata"]["name"]


def revision_of(obj: Json) -> int:
    """The revision number in the annotations; 0 where there is none or it is no number."""
    text = annotations_of(obj).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def first_set(deployment: Json, revision: int, replicas: int) -> Json:
    """The ReplicaSet for a template that has none yet."""
    spec, status = deployment["spec"], deployment.get("status") or {}
    digest = template_hash(spec["template"], status.get("collisionCount", 0))
    template = copied(spec["template"])
    template["metadata"]["labels"] = {**(template["metadata"].get("labels") or {}), HASH_LABEL: digest}
    selector = copied(spec["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: digest}
    own: Json = {"replicas": replicas, "selector": selector, "template": template}
    if spec.get("minReadySeconds"):
        own["minReadySeconds"] = spec["minReadySeconds"]
    metadata = {
        "name": f"{deployment['metadata']['name']}-{digest}",
        "namespace": deployment["metadata"]["namespace"],
        "labels": template["metadata"]["labels"],
        "annotations": {**set_annotations(deployment, {}, revision), **size_annotations(deployment)},
        "ownerReferences": [owner_reference(deployment)],
    }
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": own}


def set_annotations(deployment: Json, have: dict[str, str], revision: int) -> dict[str, str]:
    """Annotations of the new ReplicaSet: the Deployment's, and its revision, which only ever grows.

    Rolling back to a set gives it the newest number; the number it had goes into its revision history.
    """
    result = dict(have)
    result.update({key: value for key, value in annotations_of(deployment).items() if key not in _SKIPPED})
    before = have.get(REVISION, "")
    if int(before or 0) < revision:
        result[REVISION] = str(revision)
        if before:
            history = have.get(REVISION_HISTORY, "")
            result[REVISION_HISTORY] = f"{history},{before}" if history else before
    return result


def size_annotations(deployment: Json) -> dict[str, str]:
    """How many replicas the Deployment wants, and may have at most: how the controller notices scaling."""
    replicas = deployment["spec"]["replicas"]
    return {DESIRED: str(replicas), MAXIMUM: str(replicas + max_surge(deployment))}
