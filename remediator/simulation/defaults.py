"""What the API server fills in where a spec is silent (pkg/apis/*/v1/defaults.go), so that templates compare."""

from __future__ import annotations

from typing import Any

from remediator.core.model import Json

_POD: Json = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "securityContext": {},
}
_CONTAINER: Json = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "resources": {},
}
_SPEC: dict[str, Json] = {
    "Deployment": {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600},
    "ReplicaSet": {"replicas": 1},
    "StatefulSet": {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "podManagementPolicy": "OrderedReady",
        "serviceName": "",
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    },
    "DaemonSet": {"revisionHistoryLimit": 10},
    "Job": {
        "backoffLimit": 6,
        "completions": 1,
        "parallelism": 1,
        "suspend": False,
        "completionMode": "NonIndexed",
        "manualSelector": False,
        "podReplacementPolicy": "TerminatingOrFailed",
    },
    "CronJob": {
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
    },
    "HorizontalPodAutoscaler": {"minReplicas": 1},
    "Namespace": {"finalizers": ["kubernetes"]},
}


def defaulted(kind: str, obj: Json) -> Json:
    """The object with the API server's defaults; a new one, the given one stays as it is."""
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        if kind not in _SPEC:
            return obj
        spec = {}
    spec = {**_SPEC.get(kind, {}), **spec}
    if kind == "Pod":
        spec = _pod_spec(spec)
    elif isinstance(spec.get("template"), dict):
        spec["template"] = _template(spec["template"])
    if kind == "Deployment":
        spec["strategy"] = _strategy(spec.get("strategy"))
    elif kind in ("StatefulSet", "DaemonSet"):
        spec["updateStrategy"] = _update_strategy(kind, spec.get("updateStrategy"))
    return {**obj, "spec": spec}


def _strategy(strategy: Json | None) -> Json:
    strategy = {"type": "RollingUpdate", **(strategy or {})}
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.get("rollingUpdate") or {}
        strategy["rollingUpdate"] = {"maxUnavailable": "25%", "maxSurge": "25%", **rolling}
    return strategy


def _update_strategy(kind: str, strategy: Json | None) -> Json:
    strategy = {"type": "RollingUpdate", **(strategy or {})}
    if strategy["type"] == "RollingUpdate":
        usual: Json = (
            {"partition": 0, "maxUnavailable": 1} if kind == "StatefulSet" else {"maxUnavailable": 1, "maxSurge": 0}
        )
        strategy["rollingUpdate"] = {**usual, **(strategy.get("rollingUpdate") or {})}
    return strategy


def _template(template: Json) -> Json:
    metadata = template.get("metadata") or {}
    return {**template, "metadata": metadata, "spec": _pod_spec(template.get("spec") or {})}


def _pod_spec(spec: Json) -> Json:
    spec = {**_POD, **spec}
    if isinstance(spec.get("volumes"), list):
        spec["volumes"] = [{"emptyDir": {}, **item} if len(item) == 1 else item for item in spec["volumes"]]
    for field in ("containers", "initContainers"):
        if isinstance(spec.get(field), list):
            spec[field] = [_container(item) for item in spec[field]]
    return spec


def _container(container: Any) -> Any:
    if not isinstance(container, dict):
        return container
    image = str(container.get("image", ""))
    latest = image.endswith(":latest") or ":" not in image.rsplit("/", 1)[-1]
    result = {**_CONTAINER, "imagePullPolicy": "Always" if latest and "@" not in image else "IfNotPresent"}
    result.update(container)
    if isinstance(result.get("ports"), list):
        result["ports"] = [{"protocol": "TCP", **port} if isinstance(port, dict) else port for port in result["ports"]]
    return result
