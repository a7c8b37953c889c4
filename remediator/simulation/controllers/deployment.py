"""Deployments: roll a template out over ReplicaSets (pkg/controller/deployment)."""

from __future__ import annotations

from collections.abc import Iterable

from remediator.core.model import Json
from remediator.ports import ClusterError, Conflict
from remediator.simulation.controllers import proportions, rollout_status
from remediator.simulation.controllers.conditions import dropped, with_condition
from remediator.simulation.controllers.revisions import revision_of
from remediator.simulation.controllers.rollout import Rollout
from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System
from remediator.simulation.values import condition_of, controller_of


class Deployments:
    """The Deployment controller."""

    watches = ("Deployment", "ReplicaSet", "Pod")

    def __init__(self, system: System) -> None:
        self._system = system

    def keys(self, commit: Commit) -> Iterable[Key]:
        """A Deployment itself, the owner of a ReplicaSet, and that of a pod that is gone (for Recreate)."""
        if commit.kind == "Deployment":
            return [commit.key]
        owner = controller_of(commit.obj)
        if commit.kind == "Pod":
            if commit.type != "DELETED" or owner is None or owner["kind"] != "ReplicaSet":
                return []
            replica_set = self._system.get("ReplicaSet", commit.key[0], owner["name"])
            owner = controller_of(replica_set) if replica_set else None
        return [(commit.key[0], owner["name"])] if owner and owner["kind"] == "Deployment" else []

    def reconcile(self, key: Key) -> None:
        """One step of the rollout, then the status."""
        deployment = self._system.get("Deployment", *key)
        if deployment is None:
            return
        rollout = Rollout(self._system, deployment)
        if deployment["metadata"].get("deletionTimestamp"):
            self._tell(rollout, key, progress=False)
            return
        self._note_pause(rollout)
        paused = rollout.deployment["spec"].get("paused", False)
        rollout.sync_revision()
        if paused or rollout.is_scaled():
            proportions.scale(rollout)
            self._tell(rollout, key, progress=False)
            return
        try:
            self._roll(rollout)
        except ClusterError as error:
            self._failed(rollout, key, error)
            return
        self._tell(rollout, key, progress=True)

    def _roll(self, rollout: Rollout) -> None:
        strategy = rollout.deployment["spec"]["strategy"]["type"]
        moved = self._recreate(rollout) if strategy == "Recreate" else self._rolling(rollout)
        if not moved and rollout_status.is_complete(rollout.deployment, rollout.deployment.get("status") or {}):
            self._clean_up(rollout)

    def _rolling(self, rollout: Rollout) -> bool:
        self._ensure_new(rollout)
        return rollout.grow_new() or rollout.shrink_old()

    def _recreate(self, rollout: Rollout) -> bool:
        """Everything old goes first; pods that still end count as running."""
        if rollout.old_active:
            for item in rollout.old_active:
                rollout.resize(item, 0)
            return True
        if any(self._has_pods(item) for item in rollout.old):
            return True
        self._ensure_new(rollout)
        return rollout.new is not None and rollout.resize(rollout.new, rollout.replicas)

    def _has_pods(self, replica_set: Json) -> bool:
        pods = self._system.store.owned(replica_set["metadata"]["uid"], "Pod")
        running = any(pod["status"].get("phase") not in ("Succeeded", "Failed") for pod in pods)
        return running or (replica_set.get("status") or {}).get("replicas", 0) > 0

    def _ensure_new(self, rollout: Rollout) -> None:
        """The ReplicaSet of the present template exists, and the Progressing condition says how it came to be."""
        new, reason, said = rollout.new, "FoundNewReplicaSet", "Found new replica set"
        if new is None:
            new, reason, said = rollout.create_new(), "NewReplicaSetCreated", "Created new replica set"
        status = rollout.deployment.get("status") or {}
        unsaid = reason == "NewReplicaSetCreated" or condition_of(status, "Progressing") is None
        if unsaid and "progressDeadlineSeconds" in rollout.deployment["spec"]:
            self._condition(rollout, "True", reason, f'{said} "{new["metadata"]["name"]}"')

    def _note_pause(self, rollout: Rollout) -> None:
        """Paused and resumed are told as `Progressing: Unknown`, so that the deadline does not run meanwhile."""
        spec, status = rollout.deployment["spec"], rollout.deployment.get("status") or {}
        condition = condition_of(status, "Progressing")
        if "progressDeadlineSeconds" not in spec:
            return
        if condition is not None and condition["reason"] == "ProgressDeadlineExceeded":
            return
        noted = condition is not None and condition["reason"] == "DeploymentPaused"
        if spec.get("paused") and not noted:
            self._condition(rollout, "Unknown", "DeploymentPaused", "Deployment is paused")
        elif not spec.get("paused") and noted:
            self._condition(rollout, "Unknown", "DeploymentResumed", "Deployment is resumed")

    def _failed(self, rollout: Rollout, key: Key, error: ClusterError) -> None:
        """The new ReplicaSet could not be created: its name is taken by another template, or it is refused."""
        self._system.retry(self, key)
        status = rollout.deployment.get("status") or {}
        if isinstance(error, Conflict):
            collisions = {**status, "collisionCount": status.get("collisionCount", 0) + 1}
            rollout.deployment = self._system.update_status(rollout.deployment, collisions)
            return
        text = f"Failed to create new replica set: {error.message}"
        self._condition(rollout, "False", "ReplicaSetCreateError", text)

    def _condition(self, rollout: Rollout, value: str, reason: str, message: str) -> None:
        status = rollout.deployment.get("status") or {}
        status = with_condition(status, "Progressing", value, reason, message, self._system.stamp, updated=True)
        rollout.deployment = self._system.update_status(rollout.deployment, status)

    def _tell(self, rollout: Rollout, key: Key, *, progress: bool) -> None:
        deployment = rollout.deployment
        status = rollout_status.numbers(deployment, rollout.sets, rollout.new, self._system.stamp)
        if progress:
            status = rollout_status.progressed(deployment, status, rollout.new, self._system.now)
            status = _with_failures(status, rollout.sets)
        if not status["conditions"]:
            del status["conditions"]
        if progress and status == deployment.get("status"):
            self._look_again(deployment, status, key)
        self._system.update_status(deployment, status)

    def _look_again(self, deployment: Json, status: Json, key: Key) -> None:
        """Come back a second after the progress deadline, which a roll-out that was once complete has no more."""
        condition = condition_of(status, "Progressing")
        over = condition is None or condition["reason"] in ("ProgressDeadlineExceeded", "NewReplicaSetAvailable")
        if condition is None or over or rollout_status.is_complete(deployment, status):
            return
        due = rollout_status.deadline(deployment, condition) - self._system.now
        self._system.after(max(due.total_seconds(), 0.0) + 1.0, self, key)

    def _clean_up(self, rollout: Rollout) -> None:
        """Delete the oldest empty ReplicaSets beyond `revisionHistoryLimit`."""
        surplus = len(rollout.old) - rollout.deployment["spec"]["revisionHistoryLimit"]
        for item in sorted(rollout.old, key=revision_of)[: max(surplus, 0)]:
            status = item.get("status") or {}
            seen = status.get("observedGeneration", 0) >= item["metadata"]["generation"]
            if seen and not status.get("replicas") and not item["spec"]["replicas"]:
                self._system.delete(item)


def _with_failures(status: Json, sets: list[Json]) -> Json:
    """The ReplicaFailure condition of a ReplicaSet, passed on; the newest set first."""
    for item in reversed(sets):
        condition = condition_of(item.get("status") or {}, "ReplicaFailure")
        if condition is not None:
            return with_condition(
                status,
                "ReplicaFailure",
                "True",
                condition["reason"],
                condition["message"],
                condition["lastTransitionTime"],
                updated=True,
            )
    return dropped(status, "ReplicaFailure")
