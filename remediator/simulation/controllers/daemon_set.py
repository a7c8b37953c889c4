"""DaemonSets: one pod on every node that it tolerates (pkg/controller/daemon)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from remediator.core.model import Json
from remediator.ports import ClusterError
from remediator.simulation.admission import TEMPLATE_GENERATION
from remediator.simulation.controllers import daemon_update, histories
from remediator.simulation.controllers.fenceposts import scaled
from remediator.simulation.controllers.pod_facts import available_at, concerns_owner, counts, is_active
from remediator.simulation.controllers.replica_set import pod_from
from remediator.simulation.controllers.scheduler import tolerates
from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System
from remediator.simulation.values import annotations_of, controller_of, is_ready, labels_of

REVISION_LABEL = "controller-revision-hash"
_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


class DaemonSets:
    """The DaemonSet controller."""

    watches = ("DaemonSet", "Pod", "Node")

    def __init__(self, system: System) -> None:
        self._system = system

    def keys(self, commit: Commit) -> Iterable[Key]:
        """A DaemonSet itself, the owner of a pod, and all of them when a node changes."""
        if commit.kind == "DaemonSet":
            return [commit.key]
        if commit.kind == "Node":
            everyone = (owner["metadata"] for owner in self._system.store.each("DaemonSet"))
            return [(metadata["namespace"], metadata["name"]) for metadata in everyone]
        owner = controller_of(commit.obj) if concerns_owner(commit) else None
        return [(commit.key[0], owner["name"])] if owner and owner["kind"] == "DaemonSet" else []

    def reconcile(self, key: Key) -> None:
        """Create, replace and delete pods, then the status."""
        owner = self._system.get("DaemonSet", *key)
        if owner is None or owner["metadata"].get("deletionTimestamp"):
            return
        revision = histories.current_revision(self._system, owner)
        nodes = [node["metadata"]["name"] for node in self._system.store.each("Node") if self._wants(owner, node)]
        pods = self._pods(owner)
        try:
            self._place(owner, revision, nodes, pods)
        except ClusterError:
            self._system.retry(self, key)
        self._roll(owner, revision, nodes)
        self._tell(key, owner, revision, nodes)

    def _pods(self, owner: Json) -> dict[str, list[Json]]:
        """Pods by the node they are made for, those being deleted too: a node gets no second one before."""
        found: dict[str, list[Json]] = {}
        for pod in self._system.store.owned(owner["metadata"]["uid"], "Pod"):
            found.setdefault(_node_of(pod), []).append(pod)
        return found

    def _wants(self, owner: Json, node: Json) -> bool:
        pod = {"spec": _spec(owner, "")}
        selector = pod["spec"].get("nodeSelector") or {}
        if not selector.items() <= labels_of(node).items():
            return False
        taints = node["spec"].get("taints") or ()
        ours = [taint for taint in taints if (taint["key"], taint["effect"]) not in _FROM_READINESS]
        return all(tolerates(pod, taint) for taint in ours if taint["effect"] != "PreferNoSchedule")

    def _place(self, owner: Json, revision: Json, nodes: list[str], pods: dict[str, list[Json]]) -> None:
        surge = owner["spec"]["updateStrategy"].get("rollingUpdate", {}).get("maxSurge", 0) not in (0, "0%")
        for node in nodes:
            here = pods.get(node, [])
            ended = [pod for pod in here if pod["status"].get("phase") in ("Failed", "Succeeded")]
            running = [pod for pod in here if is_active(pod)]
            if surge:
                tests = (self._is_new(revision), is_ready, self._is_available(owner))
                ended += daemon_update.superfluous(running, *tests)
            for pod in ended:
                self._delete(pod)
            if not here or (surge and not running):
                self._create(owner, revision, node)
        for node, here in pods.items():
            for pod in here if node not in nodes else ():
                self._delete(pod)

    def _create(self, owner: Json, revision: Json, node: str) -> None:
        template = {**owner["spec"]["template"], "spec": _spec(owner, node)}
        made = {**owner, "spec": {**owner["spec"], "template": template}}
        name = {"generateName": owner["metadata"]["name"] + "-"}
        number = annotations_of(owner)[TEMPLATE_GENERATION]
        labels = {REVISION_LABEL: histories.hash_of(revision), "pod-template-generation": number}
        self._system.create(pod_from(made, name, **labels))

    def _delete(self, pod: Json) -> None:
        if not pod["metadata"].get("deletionTimestamp"):
            self._system.delete(pod)

    def _is_new(self, revision: Json) -> Callable[[Json], bool]:
        digest = histories.hash_of(revision)
        return lambda pod: labels_of(pod).get(REVISION_LABEL) == digest

    def _is_available(self, owner: Json) -> Callable[[Json], bool]:
        least, now = owner["spec"].get("minReadySeconds", 0), self._system.now

        def available(pod: Json) -> bool:
            at = available_at(pod, least)
            return at is not None and at <= now

        return available

    def _roll(self, owner: Json, revision: Json, nodes: list[str]) -> None:
        strategy = owner["spec"]["updateStrategy"]
        if strategy["type"] != "RollingUpdate":
            return
        rolling, pods, is_new = strategy["rollingUpdate"], self._pods(owner), self._is_new(revision)
        stands = [_stand(node, pods.get(node, []), is_new) for node in nodes]
        surge = scaled(rolling.get("maxSurge", 0), len(nodes), round_up=True)
        most = scaled(rolling.get("maxUnavailable", 1), len(nodes), round_up=True)
        available = self._is_available(owner)
        update = (
            daemon_update.with_more(stands, surge, available)
            if surge
            else daemon_update.missing_some(stands, most, available)
        )
        for pod in update.delete:
            self._system.delete(pod)
        for node in update.create:
            self._create(owner, revision, node)

    def _tell(self, key: Key, owner: Json, revision: Json, nodes: list[str]) -> None:
        """The status, for which the oldest pod of each node counts."""
        pods = {node: [pod for pod in here if is_active(pod)] for node, here in self._pods(owner).items()}
        first = [pods[node][0] for node in nodes if pods.get(node)]
        ready, available, wait = counts(first, owner["spec"].get("minReadySeconds", 0), self._system.now)
        if wait:
            self._system.after(wait, self, key)
        updated = sum(1 for pod in first if self._is_new(revision)(pod))
        status: Json = {
            "observedGeneration": owner["metadata"]["generation"],
            "currentNumberScheduled": len(first),
            "desiredNumberScheduled": len(nodes),
            "numberMisscheduled": sum(1 for node, here in pods.items() if here and node not in nodes),
            "numberReady": ready,
        }
        more = {
            "updatedNumberScheduled": updated,
            "numberAvailable": available,
            "numberUnavailable": len(nodes) - available,
        }
        status |= {name: number for name, number in more.items() if number}
        self._system.update_status(owner, status)
        if updated == available == len(nodes):
            histories.trim(self._system, owner, {revision["metadata"]["name"]})


def _stand(node: str, pods: list[Json], is_new: Callable[[Json], bool]) -> daemon_update.Stand:
    left = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    new, old = [pod for pod in left if is_new(pod)], [pod for pod in left if not is_new(pod)]
    return daemon_update.Stand(node, *(found[0] if found else None for found in (new, old)))


_FROM_READINESS = frozenset(
    (key, effect)
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    for effect in ("NoSchedule", "NoExecute")
)
"""Taints that keep no DaemonSet from wanting a pod on the node."""


def _spec(owner: Json, node: str) -> Json:
    """The pod spec for one node: pinned to it by affinity, tolerating what befalls nodes."""
    spec = owner["spec"]["template"]["spec"]
    tolerations = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in _TOLERATED]
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return {
        **spec,
        "tolerations": [*(spec.get("tolerations") or ()), *tolerations],
        "affinity": {**(spec.get("affinity") or {}), "nodeAffinity": affinity},
    }


def _node_of(pod: Json) -> str:
    affinity = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return affinity["nodeSelectorTerms"][0]["matchFields"][0]["values"][0]
