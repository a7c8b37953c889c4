"""The resource types the product knows, by kind, as a Kubernetes API server serves them."""

from __future__ import annotations

from remediator.core.model import Ref, Resource, Target

_KNOWN = (
    Resource("v1", "Pod", "pods"),
    Resource("v1", "Node", "nodes", namespaced=False),
    Resource("v1", "Namespace", "namespaces", namespaced=False),
    Resource("v1", "Event", "events"),
    Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    Resource("v1", "ResourceQuota", "resourcequotas"),
    Resource("v1", "ServiceAccount", "serviceaccounts"),
    Resource("apps/v1", "Deployment", "deployments"),
    Resource("apps/v1", "ReplicaSet", "replicasets"),
    Resource("apps/v1", "StatefulSet", "statefulsets"),
    Resource("apps/v1", "DaemonSet", "daemonsets"),
    Resource("apps/v1", "ControllerRevision", "controllerrevisions"),
    Resource("batch/v1", "Job", "jobs"),
    Resource("batch/v1", "CronJob", "cronjobs"),
    Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Resource("coordination.k8s.io/v1", "Lease", "leases"),
)

KINDS: dict[str, Resource] = {resource.kind: resource for resource in _KNOWN}
"""Every known resource type by its kind."""

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
"""Kinds that roll out a pod template."""

WITH_SIBLINGS = (*WORKLOADS, "Pod", "Node")
"""Kinds of which it is defined what stands beside one of them and serves in its stead."""


def resource(kind: str) -> Resource:
    """The resource type of a kind; `KeyError` for one that is not known."""
    return KINDS[kind]


def ref_of(target: Target) -> Ref:
    """Where a target stands in the API."""
    return Ref(KINDS[target.kind], target.namespace, target.name)


def target_kind_of(kind: str) -> str:
    """The kind of target of a rule on objects that names none: the object itself; empty for those that an owner made
    from a template, and for which that owner stands.
    """
    return "" if kind in ("Pod", "ReplicaSet") else kind
