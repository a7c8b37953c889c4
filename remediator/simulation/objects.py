"""Objects for tests, demos and rule tests, complete enough that a real API server takes them as well."""

from __future__ import annotations

from typing import Any

from remediator.core.model import Json


def namespace(name: str, **labels: str) -> Json:
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": _metadata(name, "", labels)}


def node(name: str, *, labels: dict[str, str] | None = None, pods: int = 110) -> Json:
    """A Node that is ready, with room for so many pods."""
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", **(labels or {})}
    resources = {"cpu": "32", "memory": "256Gi", "pods": str(pods)}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": _metadata(name, "", labels),
        "spec": {},
        "status": {"capacity": resources, "allocatable": resources, "conditions": [ready]},
    }


def pod_spec(image: str, *, container: str = "app", **fields: Any) -> Json:
    """A pod spec with one container; `fields` are further fields of the spec."""
    return {"containers": [{"name": container, "image": image}], **fields}


def pod(name: str, namespace: str, image: str = "registry.example/app:1", **fields: Any) -> Json:
    """A Pod without an owner."""
    metadata = _metadata(name, namespace, {"app": name})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec(image, **fields)}


def deployment(
    name: str,
    namespace: str,
    image: str = "registry.example/app:1",
    replicas: int = 3,
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    pod: Json | None = None,
    **spec: Any,
) -> Json:
    """A Deployment whose pods are labelled `app: NAME`; `pod` are further fields of the pod spec, `spec` of its own."""
    return _workload("Deployment", name, namespace, labels, annotations, {"replicas": replicas, **spec}, image, pod)


def stateful_set(
    name: str,
    namespace: str,
    image: str = "registry.example/app:1",
    replicas: int = 3,
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    pod: Json | None = None,
    **spec: Any,
) -> Json:
    """A StatefulSet; arguments as for `deployment`."""
    spec = {"replicas": replicas, "serviceName": name, **spec}
    return _workload("StatefulSet", name, namespace, labels, annotations, spec, image, pod)


def daemon_set(
    name: str,
    namespace: str,
    image: str = "registry.example/app:1",
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    pod: Json | None = None,
    **spec: Any,
) -> Json:
    """A DaemonSet; arguments as for `deployment`."""
    return _workload("DaemonSet", name, namespace, labels, annotations, spec, image, pod)


def job(name: str, namespace: str, image: str = "registry.example/task:1", **spec: Any) -> Json:
    """A Job whose pods are not restarted in place; its image may say `fail` or `hang`."""
    template = {"metadata": {"labels": {"job": name}}, "spec": pod_spec(image, restartPolicy="Never")}
    spec = {"template": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _metadata(name, namespace, {}), "spec": spec}


def disruption_budget(name: str, namespace: str, app: str, **spec: Any) -> Json:
    """A PodDisruptionBudget over pods labelled `app: APP`; `min_available` or `max_unavailable`, count or percent."""
    fields = {"min_available": "minAvailable", "max_unavailable": "maxUnavailable"}
    spec = {fields.get(key, key): value for key, value in spec.items()}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _metadata(name, namespace, {}),
        "spec": {"selector": {"matchLabels": {"app": app}}, **spec},
    }


def resource_quota(name: str, namespace: str, **hard: int) -> Json:
    """A ResourceQuota, for example `resource_quota("small", "shop", pods=3)`."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": _metadata(name, namespace, {}),
        "spec": {"hard": {key: str(value) for key, value in hard.items()}},
    }


def autoscaler(name: str, namespace: str, deployment: str, minimum: int, maximum: int) -> Json:
    """A HorizontalPodAutoscaler of a Deployment on CPU use."""
    target = {"type": "Utilization", "averageUtilization": 80}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _metadata(name, namespace, {}),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment},
            "minReplicas": minimum,
            "maxReplicas": maximum,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def _metadata(name: str, namespace: str, labels: dict[str, str]) -> Json:
    metadata: Json = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = labels
    return metadata


def _workload(
    kind: str,
    name: str,
    namespace: str,
    labels: dict[str, str] | None,
    annotations: dict[str, str] | None,
    spec: Json,
    image: str,
    pod: Json | None,
) -> Json:
    metadata = _metadata(name, namespace, {"app": name, **(labels or {})})
    if annotations:
        metadata["annotations"] = annotations
    template = {"metadata": {"labels": {"app": name}}, "spec": pod_spec(image, **(pod or {}))}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}
