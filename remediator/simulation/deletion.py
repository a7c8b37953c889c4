"""What a deletion makes of an object: gone at once, or dying until its kubelet or its finalizers let it go.

After k8s.io/apiserver/pkg/registry/rest/delete.go and generic/registry/store.go.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.core.model import Json, Resource
from remediator.simulation.clock import stamp

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
"""Finalizers by which the garbage collector learns how to deal with what the object owns."""
_FINALIZERS = {"Foreground": FOREGROUND, "Orphan": ORPHAN}


def dying(obj: Json, now: datetime, grace: int | None, propagation: str) -> Json:
    """The object as a deletion leaves it; one that is dying already stays as it is."""
    metadata = obj["metadata"]
    if metadata.get("deletionTimestamp"):
        return obj
    seconds = grace_of(obj, grace)
    metadata = {**metadata, "deletionGracePeriodSeconds": seconds}
    metadata["deletionTimestamp"] = stamp(now + timedelta(seconds=seconds))
    if "generation" in metadata:
        metadata["generation"] += 1
    if propagation in _FINALIZERS:
        metadata["finalizers"] = [*(metadata.get("finalizers") or ()), _FINALIZERS[propagation]]
    result = {**obj, "metadata": metadata}
    if obj["kind"] == "Namespace":
        result["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
    return result


def lingers(obj: Json) -> bool:
    """Whether a dying object stays for the time being."""
    metadata = obj["metadata"]
    return bool(metadata["deletionGracePeriodSeconds"] or metadata.get("finalizers")) or obj["kind"] == "Namespace"


def grace_of(obj: Json, wanted: int | None) -> int:
    """Seconds until a pod on a node is gone: as asked for, else its own. Nothing else is given any."""
    if obj["kind"] != "Pod" or not obj["spec"].get("nodeName"):
        return 0
    if obj["status"].get("phase") in ("Succeeded", "Failed"):
        return 0
    return int(obj["spec"].get("terminationGracePeriodSeconds", 30)) if wanted is None else wanted


def deleted(resource: Resource, obj: Json) -> Json:
    """The answer to a deletion that was carried out at once: a Status, but for pods, which answer themselves."""
    if resource.kind == "Pod":
        return obj
    group, metadata = resource.api_version.rpartition("/")[0], obj["metadata"]
    details = {"name": metadata["name"], "kind": resource.plural, "uid": metadata["uid"]}
    details |= {"group": group} if group else {}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
