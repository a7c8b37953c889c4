"""What may not change once an object is there, in the words of the API server's update validation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from remediator.core.model import Json

_SPEC: dict[str, tuple[str, ...]] = {
    "Deployment": ("selector",),
    "ReplicaSet": ("selector",),
    "DaemonSet": ("selector",),
    "StatefulSet": ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"),
    "Job": ("selector", "template", "completions", "completionMode"),
}
_OF_A_POD = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_POD_MUTABLE = frozenset({"tolerations", "activeDeadlineSeconds"})


def shown(value: Any) -> str:
    """A value as messages show it."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def of_metadata(new: Json, old: Json) -> Iterator[str]:
    """Changes of metadata that nobody may make."""
    if new.get("uid") != old["uid"]:
        yield f"metadata.uid: Invalid value: {shown(new.get('uid'))}: field is immutable"
    for field in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        if field in new and new[field] != old.get(field):
            yield f"metadata.{field}: Invalid value: {shown(new[field])}: field is immutable"
    added = [name for name in new.get("finalizers") or () if name not in (old.get("finalizers") or ())]
    if added and old.get("deletionTimestamp"):
        names = ", ".join(f'"{name}"' for name in added)
        yield (
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
            f"found new finalizers []string{{{names}}}"
        )


def mistakes(kind: str, new: Json, old: Json) -> Iterator[str]:
    """Changes of a spec that nobody may make."""
    if kind == "Pod":
        if _frozen_pod(new) != _frozen_pod(old):
            yield _OF_A_POD
    elif kind == "ControllerRevision" and new.get("data") != old.get("data"):
        yield f"data: Invalid value: {shown(new.get('data'))}: field is immutable"
    for field in _SPEC.get(kind, ()):
        value = (new.get("spec") or {}).get(field)
        if value != (old.get("spec") or {}).get(field):
            yield f"spec.{field}: Invalid value: {shown(value)}: field is immutable"


def _frozen_pod(pod: Json) -> Json:
    spec = {key: value for key, value in pod["spec"].items() if key not in _POD_MUTABLE}
    for field in ("containers", "initContainers"):
        if field in spec:
            spec[field] = [{**item, "image": ""} for item in spec[field]]
    return spec
