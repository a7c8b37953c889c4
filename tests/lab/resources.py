"""Which path of the API a kind of object has: only the kinds that the lab and its tests touch."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.errors import LabError


@dataclass(frozen=True)
class Resource:
    """One row of the API: ``api`` is ``api/v1`` or ``apis/GROUP/VERSION``, ``plural`` the word in paths."""

    api: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The ``apiVersion`` of its objects: ``v1`` or ``GROUP/VERSION``."""
        return self.api.split("/", 1)[1]


_RESOURCES = (
    Resource("api/v1", "configmaps", "ConfigMap"),
    Resource("api/v1", "endpoints", "Endpoints"),
    Resource("api/v1", "events", "Event"),
    Resource("api/v1", "limitranges", "LimitRange"),
    Resource("api/v1", "namespaces", "Namespace", namespaced=False),
    Resource("api/v1", "nodes", "Node", namespaced=False),
    Resource("api/v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    Resource("api/v1", "persistentvolumes", "PersistentVolume", namespaced=False),
    Resource("api/v1", "pods", "Pod"),
    Resource("api/v1", "resourcequotas", "ResourceQuota"),
    Resource("api/v1", "secrets", "Secret"),
    Resource("api/v1", "serviceaccounts", "ServiceAccount"),
    Resource("api/v1", "services", "Service"),
    Resource("apis/admissionregistration.k8s.io/v1", "validatingadmissionpolicies",
             "ValidatingAdmissionPolicy", namespaced=False),
    Resource("apis/admissionregistration.k8s.io/v1", "validatingadmissionpolicybindings",
             "ValidatingAdmissionPolicyBinding", namespaced=False),
    Resource("apis/apiextensions.k8s.io/v1", "customresourcedefinitions",
             "CustomResourceDefinition", namespaced=False),
    Resource("apis/apps/v1", "controllerrevisions", "ControllerRevision"),
    Resource("apis/apps/v1", "daemonsets", "DaemonSet"),
    Resource("apis/apps/v1", "deployments", "Deployment"),
    Resource("apis/apps/v1", "replicasets", "ReplicaSet"),
    Resource("apis/apps/v1", "statefulsets", "StatefulSet"),
    Resource("apis/autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    Resource("apis/batch/v1", "cronjobs", "CronJob"),
    Resource("apis/batch/v1", "jobs", "Job"),
    Resource("apis/coordination.k8s.io/v1", "leases", "Lease"),
    Resource("apis/policy/v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    Resource("apis/rbac.authorization.k8s.io/v1", "clusterrolebindings",
             "ClusterRoleBinding", namespaced=False),
    Resource("apis/rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", namespaced=False),
    Resource("apis/rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding"),
    Resource("apis/rbac.authorization.k8s.io/v1", "roles", "Role"),
    Resource("apis/scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", namespaced=False),
)  # fmt: skip

_BY_WORD = {word: row for row in _RESOURCES for word in (row.plural, row.kind)}


def resource(word: str) -> Resource:
    """The row of a plural (``deployments``) or a kind (``Deployment``)."""
    if word not in _BY_WORD:
        raise LabError(f"tests/lab/resources.py knows no {word!r}: add its row there")
    return _BY_WORD[word]


def path_of(word: str, name: str = "", namespace: str = "", subresource: str = "") -> str:
    """The request path; without a name the collection's, without a namespace that of all namespaces."""
    row = resource(word)
    parts = [row.api]
    if row.namespaced and namespace:
        parts += ["namespaces", namespace]
    parts += [part for part in (row.plural, name, subresource) if part]
    return "/" + "/".join(parts)
