"""The kubelets: bring bound pods to life by the fate of their images, and end those that are being deleted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from remediator.core.model import Json, Value
from remediator.simulation.clock import instant_of
from remediator.simulation.controllers.container_status import pod_status
from remediator.simulation.controllers.fates import Fate, Moment, fate_of, moment
from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System
from remediator.simulation.values import condition_of

_ENDING = 2.0
"""Seconds a pod takes to end, where its grace period is not shorter."""


class Life(Value, frozen=True):
    """What a kubelet remembers of a container: its fate, since when, and the restarts of lives before."""

    image: str
    fate: Fate
    since: datetime
    restarts: int = 0


class Kubelets:
    """The kubelets of all nodes."""

    watches = ("Pod", "Node")

    def __init__(self, system: System) -> None:
        self._system = system
        self._lives: dict[str, dict[str, Life]] = {}
        self._wakes: dict[str, datetime] = {}

    def keys(self, commit: Commit) -> Iterable[Key]:
        """A pod on a node; all pods of a node whose readiness changes."""
        if commit.kind == "Node":
            return self._on(commit.key[1]) if _readiness(commit.obj) != _readiness(commit.old) else []
        if commit.type == "DELETED":
            uid = commit.obj["metadata"]["uid"]
            self._lives.pop(uid, None)
            self._wakes.pop(uid, None)
            return []
        return [commit.key] if commit.obj["spec"].get("nodeName") else []

    def reconcile(self, key: Key) -> None:
        """Bring one pod's status up to date, or remove it once it has ended."""
        pod = self._system.get("Pod", *key)
        if pod is None or not pod["spec"].get("nodeName"):
            return
        ready = _readiness(self._system.get("Node", "", pod["spec"]["nodeName"]))
        if ready == "Unknown":
            self._system.update_status(pod, pod_status(pod, [], self._system.now, node_ready=False))
            return
        if pod["metadata"].get("deletionTimestamp") and self._end(pod, key):
            return
        if pod["status"].get("phase") in ("Succeeded", "Failed"):
            return
        stages = [self._stage(pod, container) for container in pod["spec"]["containers"]]
        changes = [life.since + timedelta(seconds=at.until) for life, at in stages if at.until is not None]
        if changes:
            self._wake(pod, key, min(changes))
        status = pod_status(pod, stages, self._system.now, node_ready=True)
        self._system.update_status(pod, status)

    def _stage(self, pod: Json, container: Json) -> tuple[Life, Moment]:
        lives = self._lives.setdefault(pod["metadata"]["uid"], {})
        fate, image = fate_of(pod, container["image"]), container["image"]
        life, now = lives.get(container["name"]), self._system.now
        again = pod["spec"]["restartPolicy"] != "Never"
        if life is None:
            life = Life(image, fate, now)
        elif life.fate != fate or life.image != image:
            before = moment(life.fate, _age(life, now), restarts=again).restarts
            life = Life(image, fate, now, life.restarts + before + 1)
        lives[container["name"]] = life
        restarts = again and not (pod["spec"]["restartPolicy"] == "OnFailure" and fate.exit_code == 0)
        return life, moment(fate, _age(life, now), restarts=restarts)

    def _end(self, pod: Json, key: Key) -> bool:
        """Remove a pod whose time to end is over; otherwise come back then. True where it is gone."""
        metadata = pod["metadata"]
        grace = metadata["deletionGracePeriodSeconds"]
        asked = instant_of(metadata["deletionTimestamp"]) - timedelta(seconds=grace)
        due = asked + timedelta(seconds=min(grace, _ENDING))
        if due > self._system.now:
            self._wake(pod, key, due)
            return False
        self._system.delete(pod, grace=0)
        return True

    def _wake(self, pod: Json, key: Key, due: datetime) -> None:
        """Come back at an instant; once, however often the pod is looked at before."""
        uid = pod["metadata"]["uid"]
        if self._wakes.get(uid) != due:
            self._wakes[uid] = due
            self._system.after((due - self._system.now).total_seconds(), self, key)

    def _on(self, node: str) -> list[Key]:
        return [
            (pod["metadata"]["namespace"], pod["metadata"]["name"])
            for pod in self._system.store.each("Pod")
            if pod["spec"].get("nodeName") == node
        ]


def _age(life: Life, now: datetime) -> float:
    """Seconds lived; a microsecond more, so that an age which was waited for is never missed by rounding."""
    return (now - life.since).total_seconds() + 1e-6


def _readiness(node: Json | None) -> str:
    """The value of a node's Ready condition; `Unknown` for a node that is not there."""
    condition = condition_of(node.get("status") or {}, "Ready") if node is not None else None
    return condition["status"] if condition is not None else "Unknown"
