"""Manifests of the workloads that tests break. Image names decide the fates of pods: ``stages/pod.yaml``."""

from __future__ import annotations

from typing import Any

from tests.lab.client import Json

GOOD_IMAGE = "example.test/app:1.0"
"""Its pods become ready at once."""


def deployment(
    name: str, image: str = GOOD_IMAGE, replicas: int = 3, progress_deadline: int = 600, **spec: Any
) -> Json:
    """A Deployment; ``progress_deadline`` in seconds, ``spec`` adds to or replaces fields of its spec."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": progress_deadline,
            "selector": {"matchLabels": {"app": name}},
            "template": pod_template(name, image),
            **spec,
        },
    }


def stateful_set(name: str, image: str = GOOD_IMAGE, replicas: int = 3, **spec: Any) -> Json:
    """A StatefulSet, without volumes."""
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "serviceName": name,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app": name}},
            "template": pod_template(name, image),
            **spec,
        },
    }


def daemon_set(name: str, image: str = GOOD_IMAGE, **spec: Any) -> Json:
    """A DaemonSet: one pod a node."""
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": pod_template(name, image), **spec},
    }


def job(name: str, image: str = GOOD_IMAGE, **spec: Any) -> Json:
    """A Job of one pod: done after a second, failed where the image says ``fail``, endless where ``hang``."""
    template = pod_template(name, image)
    template["spec"]["restartPolicy"] = "Never"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"backoffLimit": 0, "template": template, **spec},
    }


def pod(name: str, image: str = GOOD_IMAGE) -> Json:
    """A pod that no controller owns."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": pod_template(name, image)["spec"],
    }


def disruption_budget(name: str, app: str, min_available: int | str) -> Json:
    """A PodDisruptionBudget over the pods with the label ``app``."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"minAvailable": min_available, "selector": {"matchLabels": {"app": app}}},
    }


def pod_template(app: str, image: str) -> Json:
    """A template of one container named ``app``, which goes at once when deleted."""
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "app", "image": image}]},
    }


def rolled_out(workload: Json) -> bool:
    """Whether the newest spec of a Deployment or StatefulSet is observed, rolled out and available."""
    status, wanted = workload.get("status", {}), workload["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < workload["metadata"]["generation"]:
        return False
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    return counts == [wanted] * 3


def roll_out_is_stuck(deployment: Json) -> bool:
    """Whether a Deployment has passed its progress deadline."""
    return any(
        row["type"] == "Progressing" and row.get("reason") == "ProgressDeadlineExceeded"
        for row in deployment.get("status", {}).get("conditions", [])
    )
