"""``kube_pod_*``."""

from __future__ import annotations

from collections.abc import Iterator

from tests.lab.exposition import Sample
from tests.lab.series.parts import Object, counts, identity, one_of, owners, seconds

_PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")
_REASONS = ("Evicted", "NodeAffinity", "NodeLost", "Shutdown", "UnexpectedAdmissionError")


def series(pod: Object) -> Iterator[Sample]:
    """All series of one pod."""
    labels = identity(pod, "pod") | {"uid": pod["metadata"]["uid"]}
    status = pod.get("status", {})
    yield from _info(pod, labels)
    yield from owners("kube_pod_owner", pod, labels)
    yield from one_of("kube_pod_status_phase", labels, "phase", _PHASES, status.get("phase", ""))
    yield from one_of("kube_pod_status_reason", labels, "reason", _REASONS, status.get("reason", ""))
    for row in status.get("conditions", []):
        yield from _condition(row, labels)
    for container in pod["spec"]["containers"]:
        yield from _resources(container, labels, pod["spec"].get("nodeName", ""))
    for container in status.get("containerStatuses", []):
        yield from _container(container, labels)


def _info(pod: Object, labels: dict[str, str]) -> Iterator[Sample]:
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    owner = next((one for one in meta.get("ownerReferences", []) if one.get("controller")), {})
    more = {
        "host_ip": status.get("hostIP", ""),
        "pod_ip": status.get("podIP", ""),
        "node": spec.get("nodeName", ""),
        "created_by_kind": owner.get("kind", ""),
        "created_by_name": owner.get("name", ""),
        "priority_class": spec.get("priorityClassName", ""),
        "host_network": str(spec.get("hostNetwork", False)).lower(),
    }
    yield Sample("kube_pod_info", labels | more, 1)
    yield Sample("kube_pod_created", labels, seconds(meta["creationTimestamp"]))
    if "startTime" in status:
        yield Sample("kube_pod_start_time", labels, seconds(status["startTime"]))
    if "deletionTimestamp" in meta:
        yield Sample("kube_pod_deletion_timestamp", labels, seconds(meta["deletionTimestamp"]))


def _condition(row: Object, labels: dict[str, str]) -> Iterator[Sample]:
    name = {"Ready": "kube_pod_status_ready", "PodScheduled": "kube_pod_status_scheduled"}.get(row["type"])
    if name:
        yield from one_of(name, labels, "condition", ("true", "false", "unknown"), row["status"].lower())
    if row["type"] == "PodScheduled" and row["status"] == "False" and row.get("reason") == "Unschedulable":
        yield Sample("kube_pod_status_unschedulable", labels, 1)


def _container(status: Object, pod: dict[str, str]) -> Iterator[Sample]:
    labels = pod | {"container": status["name"]}
    state, last = status.get("state", {}), status.get("lastState", {}).get("terminated", {})
    image = {
        "image_spec": status["image"],
        "image": status["image"],
        "image_id": status.get("imageID", ""),
        "container_id": status.get("containerID", ""),
    }
    yield Sample("kube_pod_container_info", labels | image, 1)
    prefix = "kube_pod_container_status"
    yield from counts(prefix, labels, {"ready": status["ready"], "restarts_total": status["restartCount"]})
    yield from counts(prefix, labels, {key: key in state for key in ("waiting", "running", "terminated")})
    for key in ("waiting", "terminated"):
        if reason := state.get(key, {}).get("reason"):
            yield Sample(f"{prefix}_{key}_reason", labels | {"reason": reason}, 1)
    if last:
        yield Sample(f"{prefix}_last_terminated_reason", labels | {"reason": last.get("reason", "")}, 1)
        yield Sample(f"{prefix}_last_terminated_exitcode", labels, float(last["exitCode"]))


def _resources(container: Object, pod: dict[str, str], node: str) -> Iterator[Sample]:
    for kind in ("requests", "limits"):
        for resource, quantity in container.get("resources", {}).get(kind, {}).items():
            unit = {"cpu": "core", "memory": "byte"}.get(resource, "integer")
            labels = pod | {"container": container["name"], "node": node, "resource": resource, "unit": unit}
            yield Sample(f"kube_pod_container_resource_{kind}", labels, parse_quantity(quantity))


_SUFFIXES = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def parse_quantity(text: str) -> float:
    """A Kubernetes quantity as a number: ``250m`` → 0.25, ``1Gi`` → 1073741824."""
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * _SUFFIXES[suffix]
    return float(text)
