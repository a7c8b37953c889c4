"""By which labels alerts and series name objects, and from which kinds the live cluster leads to a kind."""

from __future__ import annotations

from remediator.core.kinds import is_custom

LABELS = {
    "Deployment": "deployment",
    "StatefulSet": "statefulset",
    "DaemonSet": "daemonset",
    "Job": "job_name",
    "CronJob": "cronjob",
    "HorizontalPodAutoscaler": "horizontalpodautoscaler",
    "PersistentVolumeClaim": "persistentvolumeclaim",
    "ReplicaSet": "replicaset",
    "Pod": "pod",
    "Node": "node",
}
"""The well-known label that names an object of each kind, in the order in which they are tried."""

LEADING = {
    "Deployment": ("ReplicaSet", "HorizontalPodAutoscaler", "Pod"),
    "StatefulSet": ("HorizontalPodAutoscaler", "Pod"),
    "ReplicaSet": ("HorizontalPodAutoscaler", "Pod"),
    "DaemonSet": ("Pod",),
    "Job": ("Pod",),
    "CronJob": ("Job", "Pod"),
}
"""Kinds from which the live cluster leads to a kind, beside that kind itself."""

OWNED = ("Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet", "Pod")
"""Kinds that custom resources own."""

INSTANCE = "instance"
"""The label with the address that a series was scraped from."""


def starts_of(kind: str) -> tuple[str, ...]:
    """The kinds from whose labels the wanted one is reached, the nearest first; without one all that are known."""
    if not kind:
        return tuple(LABELS)
    return (kind, *(OWNED if is_custom(kind) else LEADING.get(kind, ())))
