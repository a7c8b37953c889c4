"""One look at a Deployment: its ReplicaSets, old and new, and the writes that bring it a step on.

Sizes after pkg/controller/deployment/rolling.go, recreate.go and sync.go.
"""

from __future__ import annotations

from remediator.core.model import Json
from remediator.simulation import selectors
from remediator.simulation.controllers import revisions
from remediator.simulation.controllers.fenceposts import is_rolling, max_surge, max_unavailable
from remediator.simulation.system import System
from remediator.simulation.values import annotations_of, controller_of, labels_of, owner_reference


class Rollout:
    """A Deployment and its ReplicaSets while one reconcile works on them; every write refreshes what is held."""

    def __init__(self, system: System, deployment: Json) -> None:
        self._system, self.deployment = system, deployment
        owned = system.store.owned(deployment["metadata"]["uid"], "ReplicaSet") or self._adopted()
        found = revisions.new_set_of(deployment, owned)
        self._sets = {item["metadata"]["name"]: item for item in sorted(owned, key=revisions.age_order)}
        self._new = found["metadata"]["name"] if found else ""

    def _adopted(self) -> list[Json]:
        """ReplicaSets without an owner that a Deployment without any selects: a deletion has left them as orphans."""
        metadata, matches = self.deployment["metadata"], selectors.of_spec(self.deployment["spec"]["selector"])
        if metadata.get("deletionTimestamp"):
            return []
        sets = list(self._system.store.each("ReplicaSet", metadata["namespace"]))
        orphans = [item for item in sets if controller_of(item) is None and matches(labels_of(item))]
        owner = owner_reference(self.deployment)
        return [
            self._system.update({**item, "metadata": {**item["metadata"], "ownerReferences": [owner]}})
            for item in orphans
            if not item["metadata"].get("deletionTimestamp")
        ]

    @property
    def replicas(self) -> int:
        """How many pods are wanted."""
        return self.deployment["spec"]["replicas"]

    @property
    def sets(self) -> list[Json]:
        """All ReplicaSets, oldest first."""
        return list(self._sets.values())

    @property
    def new(self) -> Json | None:
        """The ReplicaSet of the present template."""
        return self._sets.get(self._new)

    @property
    def old(self) -> list[Json]:
        """The others, oldest first."""
        return [item for name, item in self._sets.items() if name != self._new]

    @property
    def old_active(self) -> list[Json]:
        """Old ReplicaSets that still want pods."""
        return [item for item in self.old if item["spec"]["replicas"] > 0]

    def sync_revision(self) -> None:
        """Give the new ReplicaSet the newest revision number and the Deployment the same."""
        new = self.new
        if new is None:
            return
        newest = max((revisions.revision_of(item) for item in self.old), default=0) + 1
        wanted = revisions.set_annotations(self.deployment, annotations_of(new), newest)
        min_ready = self.deployment["spec"].get("minReadySeconds", 0)
        if wanted != annotations_of(new) or new["spec"].get("minReadySeconds", 0) != min_ready:
            metadata = {**new["metadata"], "annotations": wanted}
            self._update({**new, "metadata": metadata}, minReadySeconds=min_ready)
            return
        self.set_revision(wanted.get(revisions.REVISION, ""))

    def create_new(self) -> Json:
        """Create the ReplicaSet of a template that has none yet; raises what the API server answers."""
        newest = max((revisions.revision_of(item) for item in self.old), default=0) + 1
        size = self._first_size()
        created = self._system.create(revisions.first_set(self.deployment, newest, size))
        self._new = created["metadata"]["name"]
        self._sets[self._new] = created
        self.set_revision(str(newest))
        return created

    def set_revision(self, revision: str) -> None:
        """Write the revision number on the Deployment, where it has another."""
        have = annotations_of(self.deployment)
        if revision and have.get(revisions.REVISION) != revision:
            metadata = {**self.deployment["metadata"], "annotations": {**have, revisions.REVISION: revision}}
            self.deployment = self._system.server.update_status({**self.deployment, "metadata": metadata})

    def is_scaled(self) -> bool:
        """Whether somebody changed `replicas` since the ReplicaSets were sized."""
        for item in self.sets:
            noted = annotations_of(item).get(revisions.DESIRED)
            if item["spec"]["replicas"] > 0 and noted is not None and noted != str(self.replicas):
                return True
        return False

    def resize(self, replica_set: Json, replicas: int, *, force: bool = False) -> bool:
        """Give a ReplicaSet another size; `force` also refreshes its notes of it. True where the size changed."""
        changed = replica_set["spec"]["replicas"] != replicas
        notes = revisions.size_annotations(self.deployment)
        stale = not notes.items() <= annotations_of(replica_set).items()
        if changed or (force and stale):
            metadata = {**replica_set["metadata"], "annotations": {**annotations_of(replica_set), **notes}}
            self._update({**replica_set, "metadata": metadata}, replicas=replicas)
        return changed

    def grow_new(self) -> bool:
        """Rolling update: size the new ReplicaSet as far as surge allows."""
        new = self.new
        if new is None or new["spec"]["replicas"] == self.replicas:
            return False
        if new["spec"]["replicas"] > self.replicas:
            return self.resize(new, self.replicas)
        return self.resize(new, new["spec"]["replicas"] + self._room(new["spec"]["replicas"]))

    def shrink_old(self) -> bool:
        """Rolling update: take from old ReplicaSets what availability allows, unhealthy pods first."""
        new = self.new
        if new is None or not self.old_active:
            return False
        least = self.replicas - max_unavailable(self.deployment)
        new_missing = new["spec"]["replicas"] - _available(new)
        spare = sum(item["spec"]["replicas"] for item in self.sets) - least - new_missing
        if spare <= 0:
            return False
        cleaned = self._shrink(spare, unhealthy=True)
        healthy = sum(_available(item) for item in self.sets) - least
        return cleaned + self._shrink(healthy, unhealthy=False) > 0

    def _shrink(self, most: int, *, unhealthy: bool) -> int:
        taken = 0
        for item in self.old_active:
            have = item["spec"]["replicas"]
            takable = have - _available(item) if unhealthy else have
            less = min(max(most - taken, 0), max(takable, 0))
            if less > 0:
                self.resize(item, have - less)
                taken += less
        return taken

    def _first_size(self) -> int:
        return self._room(0) if is_rolling(self.deployment) else self.replicas

    def _room(self, have: int) -> int:
        """How many pods the new ReplicaSet may get more."""
        total = sum(item["spec"]["replicas"] for item in self.sets)
        room = self.replicas + max_surge(self.deployment) - total
        return max(min(room, self.replicas - have), 0)

    def _update(self, replica_set: Json, **spec: object) -> None:
        if spec.get("minReadySeconds") == 0 and "minReadySeconds" not in replica_set["spec"]:
            del spec["minReadySeconds"]
        updated = self._system.update(replica_set, **spec)
        self._sets[updated["metadata"]["name"]] = updated


def _available(replica_set: Json) -> int:
    return int((replica_set.get("status") or {}).get("availableReplicas", 0))
