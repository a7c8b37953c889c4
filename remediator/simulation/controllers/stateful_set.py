"""StatefulSets: numbered pods, one after the other (pkg/controller/statefulset/stateful_set_control.go).

As in the real one, an ordered set does not replace a broken pod by itself after a rollback: somebody has to delete it.
"""

from __future__ import annotations

from collections.abc import Iterable

from remediator.core.model import Json
from remediator.ports import ClusterError
from remediator.simulation.controllers import histories
from remediator.simulation.controllers.fenceposts import scaled
from remediator.simulation.controllers.pod_facts import available_at, concerns_owner, counts
from remediator.simulation.controllers.replica_set import pod_from
from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System
from remediator.simulation.values import controller_of, labels_of

REVISION_LABEL = "controller-revision-hash"


class StatefulSets:
    """The StatefulSet controller."""

    watches = ("StatefulSet", "Pod")

    def __init__(self, system: System) -> None:
        self._system = system

    def keys(self, commit: Commit) -> Iterable[Key]:
        """A StatefulSet itself, and the owner of a pod."""
        if commit.kind == "StatefulSet":
            return [commit.key]
        owner = controller_of(commit.obj) if concerns_owner(commit) else None
        return [(commit.key[0], owner["name"])] if owner and owner["kind"] == "StatefulSet" else []

    def reconcile(self, key: Key) -> None:
        """One step towards the wanted pods, then the status; of one that is being deleted the status alone."""
        owner = self._system.get("StatefulSet", *key)
        if owner is None:
            return
        update = histories.current_revision(self._system, owner)
        current = self._current(owner, update)
        try:
            if not owner["metadata"].get("deletionTimestamp"):
                self._step(owner, current, update)
        except ClusterError:
            self._system.retry(self, key)
        self._tell(key, owner, current, update)

    def _current(self, owner: Json, update: Json) -> Json:
        """The revision that a rollout leaves; the update revision itself where there is none."""
        name = (owner.get("status") or {}).get("currentRevision")
        known = {item["metadata"]["name"]: item for item in histories.revisions(self._system, owner)}
        return known.get(name, update)

    def _pods(self, owner: Json) -> dict[int, Json]:
        pods = self._system.store.owned(owner["metadata"]["uid"], "Pod")
        return {int(pod["metadata"]["name"].rpartition("-")[2]): pod for pod in pods}

    def _step(self, owner: Json, current: Json, update: Json) -> None:
        pods, wanted = self._pods(owner), owner["spec"]["replicas"]
        ordered = owner["spec"]["podManagementPolicy"] == "OrderedReady"
        for ordinal in range(wanted):
            pod = pods.get(ordinal)
            if pod is None:
                self._create(owner, ordinal, current, update)
            elif pod["status"].get("phase") in _ENDED and not pod["metadata"].get("deletionTimestamp"):
                self._system.delete(pod)
            if ordered and (pod is None or self._unavailable(owner, pod)):
                return
        condemned = sorted((number for number in pods if number >= wanted), reverse=True)
        self._shrink(owner, [pods[number] for number in condemned], ordered=ordered)
        if not (ordered and condemned):
            self._roll(owner, [pods.get(ordinal) for ordinal in range(wanted)], update, ordered=ordered)

    def _shrink(self, owner: Json, condemned: list[Json], *, ordered: bool) -> None:
        """Delete pods above the wanted number, the last one first; ordered, one at a time. Of several that are not
        available, the first goes first.
        """
        unwell = [pod for pod in condemned if self._unavailable(owner, pod)]
        for pod in condemned[:1] if ordered else condemned:
            waits = ordered and pod in unwell and pod is not unwell[-1]
            if not waits and not pod["metadata"].get("deletionTimestamp"):
                self._system.delete(pod)

    def _roll(self, owner: Json, pods: list[Json | None], update: Json, *, ordered: bool) -> None:
        """From the last pod down to the partition: delete those of other revisions, `maxUnavailable` missing at most.

        In parallel sets pods that are not available go at once (updateStatefulSetAfterInvariantEstablished).
        """
        strategy = owner["spec"]["updateStrategy"]
        if strategy["type"] != "RollingUpdate":
            return
        rolling, name = strategy["rollingUpdate"], update["metadata"]["name"]
        most = max(scaled(rolling.get("maxUnavailable", 1), len(pods), round_up=False), 1)
        left = most - sum(1 for pod in pods if pod is None or self._unavailable(owner, pod))
        due = [pod for pod in pods[rolling.get("partition", 0) :] if pod and labels_of(pod).get(REVISION_LABEL) != name]
        due = [pod for pod in reversed(due) if not pod["metadata"].get("deletionTimestamp")]
        unwell = [] if ordered else [pod for pod in due if self._unavailable(owner, pod)]
        candidates = due if ordered else [pod for pod in due if not self._unavailable(owner, pod)]
        for pod in unwell + candidates[: max(left, 0)]:
            self._system.delete(pod)

    def _unavailable(self, owner: Json, pod: Json) -> bool:
        at = available_at(pod, owner["spec"].get("minReadySeconds", 0))
        return at is None or at > self._system.now or bool(pod["metadata"].get("deletionTimestamp"))

    def _create(self, owner: Json, ordinal: int, current: Json, update: Json) -> None:
        strategy = owner["spec"]["updateStrategy"]
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        revision = current if ordinal < partition else update
        spec = {**owner["spec"], "template": histories.template_of(revision)}
        name = f"{owner['metadata']['name']}-{ordinal}"
        labels = {
            REVISION_LABEL: revision["metadata"]["name"],
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(ordinal),
        }
        pod = pod_from(
            {**owner, "spec": spec}, {"name": name, "generateName": owner["metadata"]["name"] + "-"}, **labels
        )
        pod["spec"] |= {"hostname": name, "subdomain": owner["spec"]["serviceName"]}
        self._system.create(pod)

    def _tell(self, key: Key, owner: Json, current: Json, update: Json) -> None:
        pods = [pod for pod in self._pods(owner).values() if pod["status"].get("phase") not in _ENDED]
        ready, available, wait = counts(pods, owner["spec"].get("minReadySeconds", 0), self._system.now)
        if wait:
            self._system.after(wait, self, key)
        updated = sum(1 for pod in pods if labels_of(pod).get(REVISION_LABEL) == update["metadata"]["name"])
        old = sum(1 for pod in pods if labels_of(pod).get(REVISION_LABEL) == current["metadata"]["name"])
        done = updated == ready == len(pods) == owner["spec"]["replicas"]
        numbers = {"readyReplicas": ready, "currentReplicas": updated if done else old, "updatedReplicas": updated}
        status: Json = {
            "observedGeneration": owner["metadata"]["generation"],
            "replicas": len(pods),
            "availableReplicas": available,
            "currentRevision": (update if done else current)["metadata"]["name"],
            "updateRevision": update["metadata"]["name"],
            "collisionCount": 0,
        }
        status |= {name: number for name, number in numbers.items() if number}
        self._system.update_status(owner, status)
        if done:
            histories.trim(self._system, owner, {update["metadata"]["name"]})


_ENDED = ("Failed", "Succeeded")
