"""The simulated API server: what one request does to the store. The adapter and the controllers both come here.

Synchronous and without faults; `cluster.py` adds accounts, faults and the audit trail around it.
"""

from __future__ import annotations

from datetime import timedelta

from remediator.core.model import Json, PatchType, Precondition, Ref, Resource
from remediator.ports import Clock, Conflict, Invalid, NotFound
from remediator.simulation import admission
from remediator.simulation.clock import stamp
from remediator.simulation.defaults import defaulted
from remediator.simulation.identity import Identity
from remediator.simulation.patches import patched
from remediator.simulation.store import Store
from remediator.simulation.validation import check, qualified
from remediator.simulation.values import annotations_of, copied

ANY = Precondition("", "")
"""No precondition."""

_COUNTED = frozenset(
    [
        "Pod",
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "PodDisruptionBudget",
        "HorizontalPodAutoscaler",
    ]
)
"""Kinds whose `metadata.generation` counts changes of their spec."""

_FIRST_STATUS: dict[str, Json] = {
    "Pod": {"phase": "Pending", "qosClass": "BestEffort"},
    "Namespace": {"phase": "Active"},
}
_KEEPS_STATUS = frozenset({"Node", "Event", "Lease", "ServiceAccount", "ControllerRevision"})


class Server:
    """Requests on a store, with the metadata, defaults, validation and admission of the real server."""

    def __init__(self, store: Store, clock: Clock, identity: Identity) -> None:
        self.store = store
        self.hooks: list[admission.Hook] = []
        self._clock, self._identity = clock, identity

    def resource(self, api_version: str, kind: str) -> Resource:
        """The type that serves a kind; `NotFound` for one that the server does not know."""
        found = self.store.resources.get(kind)
        if found is None or found.api_version != api_version:
            raise NotFound("the server could not find the requested resource", status=404, reason="NotFound")
        return found

    def get(self, ref: Ref) -> Json:
        """The stored object; not to be changed."""
        self.resource(ref.resource.api_version, ref.resource.kind)
        found = self.store.get(ref.resource.kind, ref.namespace, ref.name)
        if found is None:
            message = f'{qualified(ref.resource, plural=True)} "{ref.name}" not found'
            raise NotFound(message, status=404, reason="NotFound")
        return found

    def get_at(self, ref: Ref, revision: int) -> Json:
        """An object as it was at an earlier revision: what a cache that is behind would answer."""
        for obj in self.store.rewound(ref.resource.kind, ref.namespace, max(revision, 1)):
            if obj["metadata"]["name"] == ref.name:
                return obj
        message = f'{qualified(ref.resource, plural=True)} "{ref.name}" not found'
        raise NotFound(message, status=404, reason="NotFound")

    def create(self, obj: Json, *, dry_run: bool = False) -> Json:
        """Store a new object, named by `metadata.name` or `generateName`."""
        resource = self.resource(obj.get("apiVersion", ""), obj.get("kind", ""))
        obj = defaulted(resource.kind, {**obj, "metadata": self._born(resource, obj)})
        if isinstance(obj.get("spec"), dict):
            obj = dict(admission.admitted(resource.kind, obj, None))
        if resource.kind not in _KEEPS_STATUS:
            obj["status"] = dict(_FIRST_STATUS.get(resource.kind, {}))
        admission.admit_namespace(self.store, resource, obj)
        metadata = obj["metadata"]
        if self.store.get(resource.kind, metadata.get("namespace", ""), metadata["name"]) is not None:
            message = f'{qualified(resource, plural=True)} "{metadata["name"]}" already exists'
            raise Conflict(message, status=409, reason="AlreadyExists")
        check(resource, obj, None)
        self._ask_hooks("CREATE", obj, None)
        admission.admit_quota(self.store, resource, obj)
        return obj if dry_run else self.store.put(resource.kind, obj)

    def patch(self, ref: Ref, body: Json | list[Json], patch_type: PatchType, *, dry_run: bool = False) -> Json:
        """Change an object by a patch; a resourceVersion or uid in it is a precondition."""
        old = self.get(ref)
        return self._replace(ref.resource, old, patched(old, body, patch_type), dry_run=dry_run)

    def update(self, obj: Json) -> Json:
        """Replace all but the status."""
        return self._replace(*self._stored(obj), obj)

    def update_status(self, obj: Json) -> Json:
        """Replace status, annotations and finalizers, as a write to the `status` subresource does."""
        resource, old = self._stored(obj)
        metadata = {**obj["metadata"], "labels": old["metadata"].get("labels", {})}
        new = {**obj, "metadata": metadata, "spec": old.get("spec", {})}
        return self._replace(resource, old, new, status=True)

    def bind(self, namespace: str, name: str, node: str, status: Json) -> Json:
        """Give a pod its node, as the scheduler's `binding` does."""
        pod = self.store.get("Pod", namespace, name)
        assert pod is not None
        return self.store.put("Pod", {**pod, "spec": {**pod["spec"], "nodeName": node}, "status": status})

    def delete(
        self, ref: Ref, precondition: Precondition = ANY, *, grace: int | None = None, dry_run: bool = False
    ) -> Json:
        """Delete an object, gracefully where it is a pod on a node; answers it as last seen.

        `grace` in seconds overrules the pod's own; 0 removes it at once.
        """
        obj = self.get(ref)
        self._check_precondition(ref, obj, precondition)
        self._ask_hooks("DELETE", obj, obj)
        seconds = _grace(ref.resource.kind, obj, grace)
        waits = seconds > 0 or obj["metadata"].get("finalizers") or ref.resource.kind == "Namespace"
        if not waits:
            return obj if dry_run else self.store.remove(ref.resource.kind, ref.namespace, ref.name)
        if obj["metadata"].get("deletionTimestamp"):
            return obj
        dying = self._dying(obj, seconds)
        return dying if dry_run else self.store.put(ref.resource.kind, dying)

    def _dying(self, obj: Json, seconds: int) -> Json:
        metadata = {**obj["metadata"], "deletionGracePeriodSeconds": seconds}
        metadata["deletionTimestamp"] = stamp(self._clock.now() + timedelta(seconds=seconds))
        if "generation" in metadata:
            metadata["generation"] += 1
        status = obj.get("status") or {}
        if obj["kind"] == "Namespace":
            status = {**status, "phase": "Terminating"}
        return {**obj, "metadata": metadata, "status": status}

    def _born(self, resource: Resource, obj: Json) -> Json:
        revision = self.store.revision + 1
        metadata = copied(obj.get("metadata") or {})
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + self._identity.suffix(revision)
        for ours in ("resourceVersion", "deletionTimestamp", "selfLink"):
            metadata.pop(ours, None)
        metadata["uid"] = self._identity.uid(revision)
        metadata["creationTimestamp"] = stamp(self._clock.now())
        if resource.kind in _COUNTED:
            metadata["generation"] = 1
        return metadata

    def _stored(self, obj: Json) -> tuple[Resource, Json]:
        resource = self.resource(obj["apiVersion"], obj["kind"])
        metadata = obj["metadata"]
        return resource, self.get(Ref(resource, metadata.get("namespace", ""), metadata["name"]))

    def _replace(
        self, resource: Resource, old: Json, new: Json, *, status: bool = False, dry_run: bool = False
    ) -> Json:
        before = old["metadata"]
        new = {**new, "metadata": {**(new.get("metadata") or {})}}
        metadata = new["metadata"]
        self._check_identity(resource, old, new)
        if not metadata.get("uid"):
            metadata["uid"] = before["uid"]
        for fixed in ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
            metadata.pop(fixed, None)
            if fixed in before:
                metadata[fixed] = before[fixed]
        if not status:
            if "status" in old and resource.kind not in _KEEPS_STATUS:
                new["status"] = old["status"]
            new = admission.admitted(resource.kind, defaulted(resource.kind, new), old)
        check(resource, new, old)
        if "generation" in before and not status and _is_another(resource.kind, new, old):
            new["metadata"]["generation"] = before["generation"] + 1
        self._ask_hooks("UPDATE", new, old)
        if new == old:
            return old  # a write that changes nothing is none: no new revision, no event
        return new if dry_run else self._keep(resource, new)

    def _keep(self, resource: Resource, new: Json) -> Json:
        metadata = new["metadata"]
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers") and resource.kind not in _LINGERS:
            self.store.put(resource.kind, new)
            return self.store.remove(resource.kind, metadata.get("namespace", ""), metadata["name"])
        return self.store.put(resource.kind, new)

    def _check_identity(self, resource: Resource, old: Json, new: Json) -> None:
        """Refuse another version (409), name, namespace or type (400); fills in a version that was left out."""
        before, metadata = old["metadata"], new["metadata"]
        version = metadata.get("resourceVersion") or before["resourceVersion"]
        if version != before["resourceVersion"]:
            raise Conflict(
                f'Operation cannot be fulfilled on {qualified(resource, plural=True)} "{before["name"]}": the object '
                "has been modified; please apply your changes to the latest version and try again",
                status=409,
                reason="Conflict",
            )
        metadata["resourceVersion"] = version
        same = all(metadata.get(field) == before.get(field) for field in ("name", "namespace"))
        if not same or new.get("kind") != old["kind"] or new.get("apiVersion") != old["apiVersion"]:
            message = "the name, namespace and type of the object do not match those of the request"
            raise Invalid(message, status=400, reason="BadRequest")
        uid = metadata.get("uid")
        if uid and uid != before["uid"]:
            raise Conflict(
                f'{qualified(resource)} "{before["name"]}" is invalid: metadata.uid: Invalid value: "{uid}": '
                "field is immutable",
                status=422,
                reason="Invalid",
            )

    def _check_precondition(self, ref: Ref, obj: Json, precondition: Precondition) -> None:
        metadata = obj["metadata"]
        for name, wanted, have in (
            ("UID", precondition.uid, metadata["uid"]),
            ("ResourceVersion", precondition.resource_version, metadata["resourceVersion"]),
        ):
            if wanted and wanted != have:
                raise Conflict(
                    f'Operation cannot be fulfilled on {qualified(ref.resource, plural=True)} "{ref.name}": '
                    f"Precondition failed: {name} in precondition: {wanted}, {name} in object meta: {have}",
                    status=409,
                    reason="Conflict",
                )

    def _ask_hooks(self, operation: str, new: Json, old: Json | None) -> None:
        for hook in self.hooks:
            hook(operation, new, old)


_LINGERS = frozenset({"Pod", "Namespace"})
"""Kinds that somebody else (kubelet, namespace controller) removes once they are being deleted."""


def _is_another(kind: str, new: Json, old: Json) -> bool:
    """Whether a write makes a new generation: another spec, or for a Deployment other annotations, since those are
    copied to its ReplicaSets.
    """
    if new.get("spec") != old.get("spec"):
        return True
    return kind == "Deployment" and annotations_of(new) != annotations_of(old)


def _grace(kind: str, obj: Json, wanted: int | None) -> int:
    if kind != "Pod" or not obj["spec"].get("nodeName"):
        return 0
    if obj["status"].get("phase") in ("Succeeded", "Failed"):
        return 0
    return int(obj["spec"].get("terminationGracePeriodSeconds", 30)) if wanted is None else wanted
