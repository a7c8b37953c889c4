"""What the API server refuses for good (422): wrong values, immutable fields. A small, faithful part of its rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from remediator.core.model import Json, Resource
from remediator.ports import Invalid
from remediator.simulation import selectors

_NAME = re.compile(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
_QUALIFIED = re.compile(r"^(?=.{1,63}$)[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
_IMMUTABLE: dict[str, tuple[str, ...]] = {
    "Deployment": ("selector",),
    "ReplicaSet": ("selector",),
    "DaemonSet": ("selector",),
    "StatefulSet": ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"),
    "Job": ("selector", "template", "completions", "completionMode"),
}
_COUNTS = (
    "replicas",
    "minReadySeconds",
    "revisionHistoryLimit",
    "progressDeadlineSeconds",
    "parallelism",
    "completions",
    "backoffLimit",
)
_POD_MUTABLE = frozenset({"tolerations", "activeDeadlineSeconds", "terminationGracePeriodSeconds"})


def check(resource: Resource, new: Json, old: Json | None) -> None:
    """Raise `Invalid` with every mistake at once, worded as the API server does; `old` is `None` on create."""
    mistakes = [*_metadata(new, old), *_counts(new), *_template(resource, new)]
    if old is not None:
        mistakes += _immutable(resource.kind, new, old)
    if mistakes:
        name = new["metadata"].get("name", "")
        text = mistakes[0] if len(mistakes) == 1 else f"[{', '.join(mistakes)}]"
        raise Invalid(f'{qualified(resource)} "{name}" is invalid: {text}', status=422, reason="Invalid")


def qualified(resource: Resource, *, plural: bool = False) -> str:
    """A type as API messages name it: `Deployment.apps`, `deployments.apps`, `Pod`, `pods`."""
    group = resource.api_version.rpartition("/")[0]
    return ".".join(filter(None, (resource.plural if plural else resource.kind, group)))


def _metadata(new: Json, old: Json | None) -> Iterator[str]:
    metadata = new["metadata"]
    if not _NAME.match(metadata.get("name", "")):
        yield (
            f'metadata.name: Invalid value: "{metadata.get("name", "")}": a lowercase RFC 1123 subdomain must consist '
            "of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
        )
    for field in ("labels", "annotations"):
        for key, value in (metadata.get(field) or {}).items():
            yield from _entry(f"metadata.{field}", key, value)
    if old is not None and metadata.get("uid") != old["metadata"]["uid"]:
        yield f'metadata.uid: Invalid value: "{metadata.get("uid")}": field is immutable'


def _entry(path: str, key: str, value: Any) -> Iterator[str]:
    """One label or annotation: a qualified name, and for a label a short value."""
    prefix, _, name = key.rpartition("/")
    if not _QUALIFIED.match(name) or (prefix and not _NAME.match(prefix)):
        yield f"{path}: Invalid value: \"{key}\": name part must consist of alphanumeric characters, '-', '_' or '.'"
    if not isinstance(value, str):
        yield f'{path}: Invalid value: "{key}": must be a string'
    elif path.endswith("labels") and value and not _QUALIFIED.match(value):
        yield f'{path}: Invalid value: "{value}": a valid label must be an empty string or consist of alphanumerics'


def _counts(new: Json) -> Iterator[str]:
    spec = new.get("spec") or {}
    for field in _COUNTS:
        value = spec.get(field)
        if isinstance(value, bool) or (value is not None and not isinstance(value, int)):
            yield f"spec.{field}: Invalid value: {value!r}: must be an integer"
        elif value is not None and value < 0:
            yield f"spec.{field}: Invalid value: {value}: must be greater than or equal to 0"


def _template(resource: Resource, new: Json) -> Iterator[str]:
    spec = new.get("spec") or {}
    if resource.kind == "Pod":
        yield from _containers("spec", spec)
        return
    if resource.kind not in _IMMUTABLE:
        return
    template = spec.get("template") or {}
    yield from _containers("spec.template.spec", template.get("spec") or {})
    if resource.kind == "Job":
        return
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not spec.get("selector"):
        yield "spec.selector: Required value"
    elif not selectors.of_spec(spec["selector"])(labels):
        yield f"spec.template.metadata.labels: Invalid value: {labels}: `selector` does not match template `labels`"


def _containers(path: str, spec: Json) -> Iterator[str]:
    containers = spec.get("containers") or []
    if not containers:
        yield f"{path}.containers: Required value"
    seen: set[Any] = set()
    for index, container in enumerate(containers):
        for field in ("name", "image"):
            if not container.get(field):
                yield f"{path}.containers[{index}].{field}: Required value"
        if container.get("name") in seen:
            yield f'{path}.containers[{index}].name: Duplicate value: "{container["name"]}"'
        seen.add(container.get("name"))


def _immutable(kind: str, new: Json, old: Json) -> Iterator[str]:
    if kind == "Pod":
        if _frozen_pod(new) != _frozen_pod(old):
            yield (
                "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`, "
                "`spec.activeDeadlineSeconds`, `spec.tolerations` (only additions to existing tolerations)"
            )
        return
    for field in _IMMUTABLE.get(kind, ()):
        value = (new.get("spec") or {}).get(field)
        if value != (old.get("spec") or {}).get(field):
            yield f"spec.{field}: Invalid value: {value}: field is immutable"


def _frozen_pod(pod: Json) -> Json:
    spec = {key: value for key, value in pod["spec"].items() if key not in _POD_MUTABLE}
    spec["containers"] = [{**item, "image": ""} for item in spec["containers"]]
    return spec
