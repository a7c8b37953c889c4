"""Which specs are valid, by kind (pkg/apis/*/validation): the rules that patches of the product could break."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from remediator.core.model import Json
from remediator.simulation import selectors
from remediator.simulation.immutable_fields import shown
from remediator.simulation.label_names import label_mistakes

_WORKLOADS = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"})
_COUNTS = (
    "replicas",
    "minReadySeconds",
    "revisionHistoryLimit",
    "progressDeadlineSeconds",
    "parallelism",
    "completions",
    "backoffLimit",
)
_PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)


def mistakes(kind: str, obj: Json) -> Iterator[str]:
    """Everything that is wrong with a spec, in the order in which the API server tells it."""
    spec = obj.get("spec") or {}
    yield from _counts(spec)
    if kind in _WORKLOADS:
        yield from _selector(spec)
    if kind in _WORKLOADS or kind == "Job":
        pod = (spec.get("template") or {}).get("spec") or {}
        yield from _pod("spec.template.spec", pod)
        yield from _restarts(kind, pod)
    if kind in _OTHERS:
        yield from _OTHERS[kind](spec)


def _counts(spec: Json) -> Iterator[str]:
    for field in _COUNTS:
        if spec.get(field, 0) < 0:
            yield f"spec.{field}: Invalid value: {spec[field]}: must be greater than or equal to 0"


def _selector(spec: Json) -> Iterator[str]:
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if not spec.get("selector"):
        yield "spec.selector: Required value"
    if not spec.get("selector") or not selectors.of_spec(spec["selector"])(labels or {}):
        why = "`selector` does not match template `labels`"
        yield f"spec.template.metadata.labels: Invalid value: {shown(labels)}: {why}"


def _pod(path: str, spec: Json) -> Iterator[str]:
    volumes = {item.get("name") for item in spec.get("volumes") or ()}
    containers = spec.get("containers") or []
    if not containers:
        yield f"{path}.containers: Required value"
    seen: set[Any] = set()
    for index, container in enumerate(containers):
        yield from _container(f"{path}.containers[{index}]", container, volumes)
        if container.get("name") in seen:
            yield f"{path}.containers[{index}].name: Duplicate value: {shown(container['name'])}"
        seen.add(container.get("name"))


def _container(path: str, container: Json, volumes: set[Any]) -> Iterator[str]:
    name = container.get("name", "")
    if not name:
        yield f"{path}.name: Required value"
    else:
        yield from (f"{path}.name: Invalid value: {shown(name)}: {mistake}" for mistake in label_mistakes(name))
    if not container.get("image"):
        yield f"{path}.image: Required value"
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("name") not in volumes:
            yield f"{path}.volumeMounts[{index}].name: Not found: {shown(mount.get('name'))}"


def _restarts(kind: str, pod: Json) -> Iterator[str]:
    policy, right = pod.get("restartPolicy"), ("OnFailure", "Never") if kind == "Job" else ("Always",)
    if policy not in right:
        supported = ", ".join(f'"{one}"' for one in right)
        yield f"spec.template.spec.restartPolicy: Unsupported value: {shown(policy)}: supported values: {supported}"


def _deployment(spec: Json) -> Iterator[str]:
    yield from _strategy(spec["strategy"])
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        yield f"spec.progressDeadlineSeconds: Invalid value: {deadline}: must be greater than minReadySeconds"


def _strategy(strategy: Json) -> Iterator[str]:
    kind, rolling, path = strategy["type"], strategy.get("rollingUpdate"), "spec.strategy.rollingUpdate"
    if kind == "Recreate" and rolling is not None:
        yield f"{path}: Forbidden: may not be specified when strategy `type` is 'Recreate'"
    elif kind == "RollingUpdate" and rolling is not None:
        surge, unavailable = rolling["maxSurge"], rolling["maxUnavailable"]
        yield from _share(f"{path}.maxUnavailable", unavailable)
        yield from _share(f"{path}.maxSurge", surge)
        if _number(surge) == _number(unavailable) == 0:
            yield f"{path}.maxUnavailable: Invalid value: {shown(unavailable)}: may not be 0 when `maxSurge` is 0"
    elif kind != "Recreate":
        supported = 'supported values: "Recreate", "RollingUpdate"'
        yield f"spec.strategy: Unsupported value: {shown(strategy)}: {supported}"


def _share(path: str, value: int | str) -> Iterator[str]:
    """A count, or a percentage; of what may be missing not above 100."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]+%", value):
        yield f"{path}: Invalid value: {shown(value)}: {_PERCENT}"
    elif isinstance(value, int) and value < 0:
        yield f"{path}: Invalid value: {value}: must be greater than or equal to 0"
    elif isinstance(value, str) and path.endswith("Unavailable") and _number(value) > 100:
        yield f"{path}: Invalid value: {shown(value)}: must not be greater than 100%"


def _number(value: int | str) -> int:
    digits = str(value).removesuffix("%")
    return int(digits) if digits.isdigit() else -1


def _budget(spec: Json) -> Iterator[str]:
    if "minAvailable" in spec and "maxUnavailable" in spec:
        yield f"spec: Invalid value: {shown(spec)}: minAvailable and maxUnavailable cannot be both set"
    for field in ("minAvailable", "maxUnavailable"):
        if field in spec:
            yield from _share(f"spec.{field}", spec[field])


def _autoscaler(spec: Json) -> Iterator[str]:
    most = spec.get("maxReplicas", 0)
    if most < spec.get("minReplicas", 1):
        yield f"spec.maxReplicas: Invalid value: {most}: must be greater than or equal to `minReplicas`"
    if most < 1:
        yield "spec.maxReplicas: Required value"


def _bare_pod(spec: Json) -> Iterator[str]:
    yield from _pod("spec", spec)


_OTHERS = {
    "Deployment": _deployment,
    "PodDisruptionBudget": _budget,
    "HorizontalPodAutoscaler": _autoscaler,
    "Pod": _bare_pod,
}
