"""DaemonSets: one pod on every node that it tolerates (pkg/controller/daemon)."""

from __future__ import annotations

from collections.abc import Iterable

from remediator.core.model import Json
from remediator.ports import ClusterError
from remediator.simulation.admission import TEMPLATE_GENERATION
from remediator.simulation.controllers import histories
from remediator.simulation.controllers.fenceposts import scaled
from remediator.simulation.controllers.pod_facts import concerns_owner, counts, is_active
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
        self._roll(owner, revision, nodes, pods)
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
        for node in nodes:
            here = pods.get(node, [])
            for pod in here:
                if pod["status"].get("phase") == "Failed":
                    self._system.delete(pod)
            if not here:
                template = {**owner["spec"]["template"], "spec": _spec(owner, node)}
                made = {**owner, "spec": {**owner["spec"], "template": template}}
                name = {"generateName": owner["metadata"]["name"] + "-"}
                number = annotations_of(owner)[TEMPLATE_GENERATION]
                labels = {REVISION_LABEL: histories.hash_of(revision), "pod-template-generation": number}
                self._system.create(pod_from(made, name, **labels))
        for node, here in pods.items():
            for pod in here if node not in nodes else ():
                if is_active(pod):
                    self._system.delete(pod)

    def _roll(self, owner: Json, revision: Json, nodes: list[str], pods: dict[str, list[Json]]) -> None:
        """Delete pods of other revisions: unready ones at once, ready ones as far as `maxUnavailable` allows."""
        strategy, digest = owner["spec"]["updateStrategy"], histories.hash_of(revision)
        if strategy["type"] != "RollingUpdate":
            return
        most = scaled(strategy["rollingUpdate"]["maxUnavailable"], len(nodes), round_up=True)
        here = [pod for node in nodes for pod in pods.get(node, ()) if is_active(pod)]
        missing = len(nodes) - sum(1 for pod in here if is_ready(pod))
        for pod in sorted((pod for pod in here if labels_of(pod).get(REVISION_LABEL) != digest), key=is_ready):
            if not is_ready(pod):
                self._system.delete(pod)
            elif missing < most:
                self._system.delete(pod)
                missing += 1

    def _tell(self, key: Key, owner: Json, revision: Json, nodes: list[str]) -> None:
        pods = [pod for here in self._pods(owner).values() for pod in here if is_active(pod)]
        right = [pod for pod in pods if _node_of(pod) in nodes and pod["spec"].get("nodeName")]
        ready, available, wait = counts(right, owner["spec"].get("minReadySeconds", 0), self._system.now)
        if wait:
            self._system.after(wait, self, key)
        digest = histories.hash_of(revision)
        updated = sum(1 for pod in right if labels_of(pod).get(REVISION_LABEL) == digest)
        status: Json = {
            "observedGeneration": owner["metadata"]["generation"],
            "currentNumberScheduled": len(right),
            "desiredNumberScheduled": len(nodes),
            "numberMisscheduled": len(pods) - len(right),
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
