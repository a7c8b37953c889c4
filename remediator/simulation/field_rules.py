"""Which specs are valid, by kind (pkg/apis/*/validation): the rules that patches of the product could break."""

from __future__ import annotations

import re
from collections.abc import Iterator

from remediator.core.model import Json
from remediator.simulation import pod_rules, selectors
from remediator.simulation.immutable_fields import shown
from remediator.simulation.label_names import of_annotations, of_labels

_WORKLOADS = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"})
_COUNTS = (
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
    yield from _counts(spec, ("replicas",))
    if kind in _WORKLOADS:
        yield from _selector(spec)
    if kind in _WORKLOADS or kind == "Job":
        pod = (spec.get("template") or {}).get("spec") or {}
        yield from pod_rules.mistakes("spec.template.spec", pod)
        yield from _restarts(kind, pod)
    if kind == "Pod":
        yield from pod_rules.mistakes("spec", spec)
    if kind == "Deployment":
        yield from _strategy(spec["strategy"])
    yield from _counts(spec, _COUNTS)
    if kind in _OTHERS:
        yield from _OTHERS[kind](spec)


def _counts(spec: Json, fields: tuple[str, ...]) -> Iterator[str]:
    for field in fields:
        if spec.get(field, 0) < 0:
            yield f"spec.{field}: Invalid value: {spec[field]}: must be greater than or equal to 0"


def _selector(spec: Json) -> Iterator[str]:
    metadata = (spec.get("template") or {}).get("metadata") or {}
    labels = metadata.get("labels")
    if not spec.get("selector"):
        yield "spec.selector: Required value"
    if not spec.get("selector") or not selectors.of_spec(spec["selector"])(labels or {}):
        why = "`selector` does not match template `labels`"
        yield f"spec.template.metadata.labels: Invalid value: {shown(labels)}: {why}"
    yield from of_labels("spec.template.labels", labels or {})
    yield from of_annotations("spec.template.annotations", metadata.get("annotations") or {})


def _restarts(kind: str, pod: Json) -> Iterator[str]:
    policy, right = pod.get("restartPolicy"), ("OnFailure", "Never") if kind == "Job" else ("Always",)
    if policy is not None and policy not in right:
        supported = ", ".join(f'"{one}"' for one in right)
        yield f"spec.template.spec.restartPolicy: Unsupported value: {shown(policy)}: supported values: {supported}"


def _deployment(spec: Json) -> Iterator[str]:
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
        if isinstance(unavailable, str) and _number(unavailable) > 100:
            yield f"{path}.maxUnavailable: Invalid value: {shown(unavailable)}: must not be greater than 100%"
    elif kind != "Recreate":
        supported = 'supported values: "Recreate", "RollingUpdate"'
        yield f"spec.strategy: Unsupported value: {shown(strategy)}: {supported}"


def _share(path: str, value: int | str) -> Iterator[str]:
    """A count, or a percentage."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]+%", value):
        yield f"{path}: Invalid value: {shown(value)}: {_PERCENT}"
    elif isinstance(value, int) and value < 0:
        yield f"{path}: Invalid value: {value}: must be greater than or equal to 0"


def _number(value: int | str) -> int:
    """A count, or the number of a percentage; 0 for what is neither."""
    if isinstance(value, int):
        return value
    digits = value.removesuffix("%")
    return int(digits) if digits.isdigit() else 0


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


_OTHERS = {
    "Deployment": _deployment,
    "PodDisruptionBudget": _budget,
    "HorizontalPodAutoscaler": _autoscaler,
}
