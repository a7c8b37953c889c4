"""Faults with names: each does one thing to the cluster, through the API, as an admin would."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from tests.lab.client import Api, Json
from tests.lab.metrics_server import USAGE_CPU
from tests.lab.workloads import roll_out_is_stuck

BROKEN_IMAGE = "example.test/app:broken"
CRASHING_IMAGE = "example.test/app:crash"
OUT_OF_MEMORY_IMAGE = "example.test/app:oom"
NEVER_READY_IMAGE = "example.test/app:notready"
FAILING_JOB_IMAGE = "example.test/app:fail"


def broken_image(api: Api, deployment: str, namespace: str) -> Json:
    """Roll out an image that cannot be pulled: its pods stay in ImagePullBackOff."""
    return new_image(api, "deployments", deployment, namespace, BROKEN_IMAGE)


def crash_loop(api: Api, deployment: str, namespace: str) -> Json:
    """Roll out an image whose container ends with code 1 again and again: CrashLoopBackOff."""
    return new_image(api, "deployments", deployment, namespace, CRASHING_IMAGE)


def out_of_memory(api: Api, deployment: str, namespace: str) -> Json:
    """Roll out an image whose container is OOM-killed (code 137) again and again."""
    return new_image(api, "deployments", deployment, namespace, OUT_OF_MEMORY_IMAGE)


def never_ready(api: Api, deployment: str, namespace: str) -> Json:
    """Roll out an image that runs and never passes its readiness probe."""
    return new_image(api, "deployments", deployment, namespace, NEVER_READY_IMAGE)


def stuck_rollout(api: Api, deployment: str, namespace: str, progress_deadline: int = 2) -> Json:
    """A broken image, and a deadline (seconds) after which the Deployment says that it does not progress.

    Returns the Deployment once it says so.
    """
    patch = _image_patch(BROKEN_IMAGE) | {}
    patch["spec"]["progressDeadlineSeconds"] = progress_deadline
    api.patch("deployments", deployment, patch, namespace, how="strategic")
    return api.wait_for("deployments", deployment, namespace, roll_out_is_stuck)


def new_image(api: Api, kind: str, name: str, namespace: str, image: str) -> Json:
    """Give the container ``app`` of a workload's template another image."""
    return api.patch(kind, name, _image_patch(image), namespace, how="strategic")


def load(api: Api, app: str, namespace: str, cpu: str) -> None:
    """Let each pod that an app has now use so much (``315m``); those that come after idle, so the load is what it is
    however many there are. metrics-server knows within half a minute.
    """
    for pod in api.list("pods", namespace, f"app={app}"):
        api.patch("pods", pod["metadata"]["name"], {"metadata": {"annotations": {USAGE_CPU: cpu}}}, namespace)


def deleted_pods(api: Api, namespace: str, labels: str = "") -> list[str]:
    """Delete the pods that a label selector finds, all at once, and return their names."""
    names = [pod["metadata"]["name"] for pod in api.list("pods", namespace, labels)]
    for name in names:
        api.delete("pods", name, namespace)
    return names


def node_not_ready(api: Api, node: str, reason: str = "KubeletNotReady") -> Json:
    """Let a node say of itself that it is not ready. Its lease is still renewed: the kubelet talks."""
    return _node_condition(api, node, "Ready", "False", reason)


def node_ready(api: Api, node: str) -> Json:
    """The cure of ``node_not_ready`` and ``node_unreachable``."""
    return _node_condition(api, node, "Ready", "True", "KubeletReady")


def node_unreachable(api: Api, node: str) -> Json:
    """A node of which nothing is heard: Ready is Unknown, as the node controller sets it."""
    return _node_condition(api, node, "Ready", "Unknown", "NodeStatusUnknown")


def node_pressure(api: Api, node: str, kind: str = "MemoryPressure", under_pressure: bool = True) -> Json:
    """Put a node under ``MemoryPressure``, ``DiskPressure`` or ``PIDPressure``, or take it off again."""
    return _node_condition(api, node, kind, "True" if under_pressure else "False", f"Lab{kind}")


def cordoned_by_somebody(api: Api, node: str) -> Json:
    """Cordon a node as a person does."""
    return api.patch("nodes", node, {"spec": {"unschedulable": True}})


def full_quota(api: Api, namespace: str, pods: int = 0) -> Json:
    """A quota that admits no more than this many pods in the namespace."""
    return api.create(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "full"},
            "spec": {"hard": {"pods": str(pods)}},
        },
        namespace,
    )


def someone_else_writes(api: Api, kind: str, names: Iterable[str], namespace: str) -> None:
    """Annotate objects, which moves their resourceVersion: a write planned on the old one conflicts now."""
    now = datetime.datetime.now(datetime.UTC).isoformat()
    for name in names:
        api.patch(kind, name, {"metadata": {"annotations": {"lab/touched": now}}}, namespace)


def _image_patch(image: str) -> Json:
    return {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}}


def _node_condition(api: Api, node: str, kind: str, status: str, reason: str) -> Json:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "set by the lab",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }
    return api.patch("nodes", node, {"status": {"conditions": [condition]}}, subresource="status", how="strategic")
