"""ReplicaSets: as many pods of the template as wanted (pkg/controller/replicaset)."""

from __future__ import annotations

from collections.abc import Iterable

from remediator.core.model import Json
from remediator.ports import ClusterError
from remediator.simulation.controllers.conditions import dropped, with_condition
from remediator.simulation.controllers.pod_facts import concerns_owner, counts, deletion_order, is_active
from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System
from remediator.simulation.values import condition_of, controller_of, copied, labels_of, owner_reference


def pod_from(owner: Json, name: Json, **labels: str) -> Json:
    """A pod of an owner's template; `name` are further fields of its metadata, `name` or `generateName` among them."""
    template = owner["spec"]["template"]
    metadata = {
        **copied(template.get("metadata") or {}),
        **name,
        "namespace": owner["metadata"]["namespace"],
        "ownerReferences": [owner_reference(owner)],
    }
    if labels:
        metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": copied(template["spec"])}


class ReplicaSets:
    """The ReplicaSet controller."""

    watches = ("ReplicaSet", "Pod")

    def __init__(self, system: System) -> None:
        self._system = system

    def keys(self, commit: Commit) -> Iterable[Key]:
        """A ReplicaSet itself, and the one that owns a pod."""
        if commit.kind == "ReplicaSet":
            return [commit.key]
        owner = controller_of(commit.obj) if concerns_owner(commit) else None
        return [(commit.key[0], owner["name"])] if owner and owner["kind"] == "ReplicaSet" else []

    def reconcile(self, key: Key) -> None:
        """Create or delete pods, then tell the status as it was before."""
        replica_set = self._system.get("ReplicaSet", *key)
        if replica_set is None:
            return
        pods = self._system.store.owned(replica_set["metadata"]["uid"], "Pod")
        active = [pod for pod in pods if is_active(pod)]
        failure = ""
        if not replica_set["metadata"].get("deletionTimestamp"):
            failure = self._resize(replica_set, active, key)
        self._tell(key, replica_set, active, len(_terminating(pods)), failure)

    def _resize(self, replica_set: Json, active: list[Json], key: Key) -> str:
        """Create what is missing, delete what is too much; answers why a creation failed."""
        missing = replica_set["spec"]["replicas"] - len(active)
        name = {"generateName": replica_set["metadata"]["name"] + "-"}
        try:
            for _ in range(missing):
                self._system.create(pod_from(replica_set, name))
        except ClusterError as error:
            self._system.retry(self, key)
            return error.message
        for pod in deletion_order(active)[: max(-missing, 0)]:
            self._system.delete(pod)
        return ""

    def _tell(self, key: Key, replica_set: Json, active: list[Json], terminating: int, failure: str) -> None:
        spec = replica_set["spec"]
        ready, available, wait = counts(active, spec.get("minReadySeconds", 0), self._system.now)
        if wait:
            self._system.after(wait, self, key)
        wanted = labels_of(spec["template"]).items()
        numbers = {
            "fullyLabeledReplicas": sum(1 for pod in active if wanted <= labels_of(pod).items()),
            "readyReplicas": ready,
            "availableReplicas": available,
        }
        status: Json = {"replicas": len(active), "observedGeneration": replica_set["metadata"]["generation"]}
        status |= {name: number for name, number in numbers.items() if number}
        status["terminatingReplicas"] = terminating
        if conditions := self._conditions(replica_set, failure):
            status["conditions"] = conditions
        self._system.update_status(replica_set, status)

    def _conditions(self, replica_set: Json, failure: str) -> list[Json]:
        status = {"conditions": (replica_set.get("status") or {}).get("conditions") or []}
        if not failure:
            return dropped(status, "ReplicaFailure")["conditions"]
        if condition_of(status, "ReplicaFailure") is None:
            status = with_condition(status, "ReplicaFailure", "True", "FailedCreate", failure, self._system.stamp)
        return status["conditions"]


def _terminating(pods: list[Json]) -> list[Json]:
    ended = ("Succeeded", "Failed")
    return [pod for pod in pods if pod["metadata"].get("deletionTimestamp") and pod["status"].get("phase") not in ended]
