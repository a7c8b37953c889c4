"""What stands between a valid object and the store: its namespace, quotas, and hooks that tests plug in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from remediator.core.model import Json, Resource
from remediator.ports import Forbidden, NotFound
from remediator.simulation.store import Store
from remediator.simulation.validation import qualified

Hook = Callable[[str, Json, Json | None], None]
"""An admission webhook: operation (`CREATE`, `UPDATE`, `DELETE`), new object, old one; raises a `ClusterError`."""

_ENDLESS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
TOLERATION_SECONDS = 300
"""How long a pod stays on a node that is not ready, unless it says otherwise (DefaultTolerationSeconds)."""


def admit_namespace(store: Store, resource: Resource, obj: Json) -> None:
    """Creation needs a namespace that exists and is not being deleted."""
    namespace = obj["metadata"].get("namespace", "")
    if not resource.namespaced:
        return
    space = store.get("Namespace", "", namespace)
    if space is None:
        raise NotFound(f'namespaces "{namespace}" not found', status=404, reason="NotFound")
    if space["metadata"].get("deletionTimestamp"):
        raise Forbidden(
            f'{qualified(resource, plural=True)} "{obj["metadata"]["name"]}" is forbidden: unable to create new '
            f"content in namespace {namespace} because it is being terminated",
            status=403,
            reason="Forbidden",
        )


def admit_quota(store: Store, resource: Resource, obj: Json) -> None:
    """A new object must fit every ResourceQuota of its namespace: `pods` and `count/RESOURCE` are counted."""
    namespace = obj["metadata"].get("namespace", "")
    quotas = list(store.each("ResourceQuota", namespace)) if resource.namespaced else []
    if not quotas:
        return
    names = [f"count/{qualified(resource, plural=True)}"] + (["pods"] if resource.kind == "Pod" else [])
    for quota in quotas:
        hard = (quota.get("spec") or {}).get("hard") or {}
        for name in names:
            used = counted(store, resource.kind, namespace, name)
            if name in hard and used + 1 > int(hard[name]):
                raise Forbidden(
                    f'{qualified(resource, plural=True)} "{obj["metadata"]["name"]}" is forbidden: exceeded quota: '
                    f"{quota['metadata']['name']}, requested: {name}=1, used: {name}={used}, "
                    f"limited: {name}={hard[name]}",
                    status=403,
                    reason="Forbidden",
                )


def counted(store: Store, kind: str, namespace: str, name: str) -> int:
    """What is used of a quota: for `pods` those that have not ended, else all objects of the kind."""
    objects = store.each(kind, namespace)
    if name != "pods":
        return sum(1 for _ in objects)
    return sum(1 for pod in objects if pod["status"].get("phase") not in ("Succeeded", "Failed"))


def admitted(kind: str, obj: Json, old: Json | None) -> Json:
    """What mutating admission and the storage strategies make of an object; `old` is `None` on create."""
    if kind == "DaemonSet":
        return _with_template_generation(obj, old)
    if old is not None:
        return obj
    metadata = obj["metadata"]
    if kind == "Pod":
        return {**obj, "spec": _tolerant({**_POD, **obj["spec"]})}
    if kind == "Namespace":
        labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
        return {**obj, "metadata": {**metadata, "labels": labels}}
    return _selecting(obj) if kind == "Job" else obj


_POD: Json = {
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
    "priority": 0,
    "serviceAccount": "default",
    "serviceAccountName": "default",
}
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def _with_template_generation(obj: Json, old: Json | None) -> Json:
    """A DaemonSet counts the changes of its template in an annotation, whatever the writer says."""
    number = 1
    if old is not None:
        number = int((old["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "1"))
        number += obj["spec"].get("template") != old["spec"].get("template")
    annotations = {**(obj["metadata"].get("annotations") or {}), TEMPLATE_GENERATION: str(number)}
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


def _tolerant(spec: Json) -> Json:
    """A pod spec with the tolerations of DefaultTolerationSeconds: 300 s on nodes not ready or unreachable."""
    tolerations: list[Any] = list(spec.get("tolerations") or ())
    for key in _ENDLESS:
        if not any(item.get("key") in (key, None, "") and _covers(item) for item in tolerations):
            tolerations.append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATION_SECONDS}
            )
    return {**spec, "tolerations": tolerations}


def _selecting(job: Json) -> Json:
    """A Job with the selector and labels that the server makes from its name and uid."""
    spec, metadata = job["spec"], job["metadata"]
    template = spec.get("template") or {}
    inner = template.get("metadata") or {}
    unique = {"batch.kubernetes.io/controller-uid": metadata["uid"]}
    names = {"batch.kubernetes.io/job-name": metadata["name"], "job-name": metadata["name"]}
    labels = {**(inner.get("labels") or {}), **unique, "controller-uid": metadata["uid"], **names}
    template = {**template, "metadata": {**inner, "labels": labels}}
    spec = {**spec, "selector": spec.get("selector") or {"matchLabels": unique}, "template": template}
    return {**job, "metadata": {**metadata, "labels": metadata.get("labels") or labels}, "spec": spec}


def _covers(toleration: Json) -> bool:
    return toleration.get("effect", "") in ("", "NoExecute") and toleration.get("operator") == "Exists"
