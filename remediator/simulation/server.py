"""The simulated API server: what one request does to the store. The adapter and the controllers both come here.

Synchronous and without faults; `cluster.py` adds accounts, faults and the audit trail around it.
"""

from __future__ import annotations

from remediator.core.model import Json, PatchType, Precondition, Ref, Resource
from remediator.ports import Clock, Conflict, Invalid, NotFound
from remediator.simulation import admission
from remediator.simulation.clock import stamp
from remediator.simulation.decoding import WrongType, decoded
from remediator.simulation.defaults import defaulted
from remediator.simulation.deletion import deleted, dying, lingers
from remediator.simulation.identity import Identity
from remediator.simulation.identity_checks import ANY, check_identity, check_precondition
from remediator.simulation.patches import patched
from remediator.simulation.store import Store
from remediator.simulation.validation import check, qualified
from remediator.simulation.values import annotations_of, copied, labels_of

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
    "ReplicaSet": {"replicas": 0},
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
    "DaemonSet": dict.fromkeys(
        ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"), 0
    ),
    "PodDisruptionBudget": dict.fromkeys(("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"), 0),
    "HorizontalPodAutoscaler": {"desiredReplicas": 0, "currentMetrics": None},
}
"""What a status says before any controller has written it: the numbers that its type does not leave out at zero."""
_KEEPS_STATUS = frozenset({"Node", "Event", "Lease", "ServiceAccount", "ControllerRevision"})


class Server:
    """Requests on a store, with the metadata, defaults, validation and admission of the real server."""

    def __init__(self, store: Store, clock: Clock, identity: Identity) -> None:
        self.store = store
        self.hooks: list[admission.Hook] = []
        self._clock, self._identity = clock, identity

    @property
    def stamp(self) -> str:
        """The present instant as the API writes it."""
        return stamp(self._clock.now())

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
        try:
            return self.admit(decoded(obj), dry_run=dry_run)
        except WrongType as error:
            version = resource.api_version.rpartition("/")[2]
            text = f'{resource.kind} in version "{version}" cannot be handled as a {resource.kind}: {error}'
            raise Invalid(text, status=400, reason="BadRequest") from error

    def admit(self, obj: Json, *, dry_run: bool = False) -> Json:
        """As `create`, of an object that is known to be as decoding leaves it: what controllers make of templates."""
        resource = self.resource(obj["apiVersion"], obj["kind"])
        obj = defaulted(resource.kind, {**obj, "metadata": self._born(resource, obj)})
        if isinstance(obj.get("spec"), dict):
            obj = dict(admission.admitted(resource.kind, obj, None))
        if resource.kind not in _KEEPS_STATUS:
            obj["status"] = dict(_FIRST_STATUS.get(resource.kind, {}))
        admission.admit_namespace(self.store, resource, obj)
        metadata = obj["metadata"]
        check(resource, obj, None)
        there = self.store.get(resource.kind, metadata.get("namespace", ""), metadata["name"])
        if there is not None:
            still = "object is being deleted: " if there["metadata"].get("deletionTimestamp") else ""
            message = f'{still}{qualified(resource, plural=True)} "{metadata["name"]}" already exists'
            raise Conflict(message, status=409, reason="AlreadyExists")
        self._ask_hooks("CREATE", obj, None)
        admission.admit_quota(self.store, resource, obj)
        return obj if dry_run else self.store.put(resource.kind, obj)

    def patch(self, ref: Ref, body: Json | list[Json], patch_type: PatchType, *, dry_run: bool = False) -> Json:
        """Change an object by a patch; a resourceVersion or uid in it is a precondition."""
        old = self.get(ref)
        new = patched(old, body, patch_type)
        if new.get("kind") not in (None, old["kind"]):
            text = f"converting (v1.{new['kind']}) to ({old['kind']}): unknown conversion"
            raise Invalid(f' "" is invalid: patch: Invalid value: "…": {text}', status=422, reason="Invalid")
        try:
            new = decoded(new)
        except WrongType as error:
            text = f' "" is invalid: patch: Invalid value: "…": {error}'
            raise Invalid(text, status=422, reason="Invalid") from error
        return self._replace(ref.resource, old, new, dry_run=dry_run)

    def update(self, obj: Json) -> Json:
        """Replace all but the status."""
        return self._replace(*self._stored(obj), obj)

    def update_status(self, obj: Json) -> Json:
        """Replace status, annotations and finalizers, as a write to the `status` subresource does."""
        resource, old = self._stored(obj)
        metadata = {**obj["metadata"]}
        metadata.pop("labels", None)
        if "labels" in old["metadata"]:
            metadata["labels"] = old["metadata"]["labels"]
        new = {**obj, "metadata": metadata, "spec": old.get("spec", {})}
        return self._replace(resource, old, new, status=True)

    def bind(self, namespace: str, name: str, node: str, status: Json) -> Json:
        """Give a pod its node and the labels of the place where that stands, as the scheduler's `binding` does."""
        pod, place = self.store.get("Pod", namespace, name), self.store.get("Node", "", node)
        assert pod is not None
        labels = {key: value for key, value in labels_of(place or pod).items() if key in _PLACE}
        metadata = {**pod["metadata"], "labels": {**labels_of(pod), **labels}} if labels else pod["metadata"]
        bound = {**pod, "metadata": metadata, "spec": {**pod["spec"], "nodeName": node}, "status": status}
        return self.store.put("Pod", bound)

    def delete(
        self,
        ref: Ref,
        precondition: Precondition = ANY,
        *,
        grace: int | None = None,
        propagation: str = "Background",
        dry_run: bool = False,
    ) -> Json:
        """Delete an object, gracefully where it is a pod on a node; answers a Status, or the object where it stays.

        `grace` in seconds overrules the pod's own; 0 removes it at once. `propagation` is `Background`, `Foreground`
        or `Orphan`.
        """
        resource, stored = ref.resource, self.get(ref)
        obj = stored
        check_precondition(resource, obj, precondition)
        self._ask_hooks("DELETE", obj, obj)
        if grace == 0 and obj["metadata"].get("deletionTimestamp"):
            obj = {**obj, "metadata": {**obj["metadata"], "deletionGracePeriodSeconds": 0}}
        dead = dying(obj, self._clock.now(), grace, propagation)
        if lingers(dead):
            return dead if dry_run or dead == stored else self.store.put(resource.kind, dead)
        if not dry_run:
            self.store.remove(resource.kind, ref.namespace, ref.name)
        return deleted(resource, dead)

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
        new = {**new, "metadata": {**(new.get("metadata") or {})}}
        check_identity(resource, old, new)
        _keep_fixed(new["metadata"], old["metadata"])
        if not status:
            if "status" in old and resource.kind not in _KEEPS_STATUS:
                new["status"] = old["status"]
            new = admission.admitted(resource.kind, defaulted(resource.kind, new), old)
            check(resource, new, old)
            if "generation" in old["metadata"] and _is_another(resource.kind, new, old):
                new["metadata"]["generation"] += 1
        self._ask_hooks("UPDATE", new, old)
        if new == old:
            return old  # a write that changes nothing is none: no new revision, no event
        return new if dry_run else self._keep(resource, new)

    def _keep(self, resource: Resource, new: Json) -> Json:
        metadata = new["metadata"]
        if metadata.get("deletionTimestamp") and not lingers(new):
            self.store.put(resource.kind, new)
            return self.store.remove(resource.kind, metadata.get("namespace", ""), metadata["name"])
        return self.store.put(resource.kind, new)

    def _ask_hooks(self, operation: str, new: Json, old: Json | None) -> None:
        for hook in self.hooks:
            hook(operation, new, old)


_PLACE = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")
"""Labels that a pod takes over from its node (admission PodTopologyLabels)."""


def _keep_fixed(new: Json, old: Json) -> None:
    """Fields that writes leave as they are; one that says another end of a dying object is refused later on."""
    for field in ("creationTimestamp", "generation"):
        new.pop(field, None)
        new.update({field: old[field]} if field in old else {})
    for field in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        if field in old:
            new.setdefault(field, old[field])


def _is_another(kind: str, new: Json, old: Json) -> bool:
    """Whether a write makes a new generation: another spec, or for a Deployment other annotations, since those are
    copied to its ReplicaSets.
    """
    if new.get("spec") != old.get("spec"):
        return True
    return kind == "Deployment" and annotations_of(new) != annotations_of(old)
