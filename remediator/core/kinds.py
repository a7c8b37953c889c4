"""The resource types the product knows, by kind, as a Kubernetes API server serves them; and custom ones by name.

A custom type is named as kubectl names it in full, `Certificate.v1.cert-manager.io`. Its plural and its scope are the
API server's to say: they are asked for where a request needs them.
"""

from __future__ import annotations

import re

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

CONFIG_MAP = Resource("v1", "ConfigMap", "configmaps")
"""No target, and so not among `KINDS`: a switch of the remediator's own is one."""

KINDS: dict[str, Resource] = {resource.kind: resource for resource in _KNOWN}
"""Every known resource type by its kind."""

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
"""Kinds that roll out a pod template."""

WITH_SIBLINGS = (*WORKLOADS, "Pod", "Node")
"""Kinds of which it is defined what stands beside one of them and serves in its stead."""


CUSTOM = r"^[A-Z][A-Za-z0-9]{0,62}\.v[0-9]+(?:(?:alpha|beta)[0-9]+)?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?){2,}$"
"""A custom kind: the kind, a version as Kubernetes has them, and a group, which is a DNS name of two parts or more."""

_CUSTOM = re.compile(CUSTOM)


def is_kind(kind: str) -> bool:
    """Whether this is a known kind, or has the form of a custom one."""
    return kind in KINDS or is_custom(kind)


def is_custom(kind: str) -> bool:
    """Whether this has the form of a custom kind."""
    return _CUSTOM.fullmatch(kind) is not None


def bare(kind: str) -> str:
    """A kind as objects state it: `Certificate`."""
    return kind.partition(".")[0]


def resource(kind: str) -> Resource:
    """The resource type of a kind; `KeyError` for what is none. A custom one has no plural yet, and may be in no
    namespace: see `clients/discovery.py`.
    """
    if kind in KINDS or not is_custom(kind):
        return KINDS[kind]
    _, version, group = kind.split(".", 2)
    return Resource(f"{group}/{version}", kind, "")


def names_object(text: str) -> bool:
    """Whether this is `Kind/namespace/name`, or `Kind/name` of a kind in no namespace; of a custom one either."""
    kind, *names = text.split("/")
    if is_custom(kind):
        return len(names) in (1, 2) and all(names)
    return kind in KINDS and len(names) == 1 + KINDS[kind].namespaced and all(names)


def ref_of(target: Target) -> Ref:
    """Where a target stands in the API."""
    return Ref(resource(target.kind), target.namespace, target.name)


def target_kind_of(kind: str) -> str:
    """The kind of target of a rule on objects that names none: the object itself; empty for those that an owner made
    from a template, and for which that owner stands.
    """
    return "" if kind in ("Pod", "ReplicaSet") else kind
