"""Node life cycle: taints by condition, silent kubelets, and eviction of pods that do not tolerate it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from remediator.core.model import Json
from remediator.simulation.clock import instant_of
from remediator.simulation.controllers.conditions import with_condition
from remediator.simulation.controllers.scheduler import toleration_of
from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System
from remediator.simulation.values import annotations_of, condition_of

KUBELET = "simulation.remediator.io/kubelet"
"""An annotation on a node: `down` silences its kubelet, as a power cut would."""

GRACE = 40.0
"""Seconds without a sign of life after which a node's readiness is Unknown (node-monitor-grace-period)."""

_NOT_READY, _UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
_CORDONED = "node.kubernetes.io/unschedulable"
_OURS = (_NOT_READY, _UNREACHABLE, _CORDONED)


class Nodes:
    """The node life cycle controller."""

    watches = ("Node", "Pod")

    def __init__(self, system: System) -> None:
        self._system = system
        self._silent: dict[str, str] = {}

    def keys(self, commit: Commit) -> Iterable[Key]:
        """A node itself, and the one that a pod was bound to."""
        if commit.kind == "Node":
            return [commit.key]
        node = commit.obj["spec"].get("nodeName")
        fresh = node and not (commit.old or {"spec": {}})["spec"].get("nodeName")
        return [("", node)] if fresh else []

    def reconcile(self, key: Key) -> None:
        """Bring readiness, taints and pods of one node up to date."""
        node = self._system.get("Node", *key)
        if node is None:
            return
        node = self._heard(node, key)
        taints = self._taints(node)
        if taints != (node["spec"].get("taints") or []):
            spec = {name: value for name, value in node["spec"].items() if name != "taints"}
            node = self._system.server.update({**node, "spec": {**spec, **({"taints": taints} if taints else {})}})
        executing = [taint for taint in taints if taint["effect"] == "NoExecute"]
        if executing:
            self._evict(node, executing, key)

    def _heard(self, node: Json, key: Key) -> Json:
        """The node with its readiness lost 40 s after its kubelet fell silent, and found again when it speaks."""
        name, now = key[1], self._system.now
        if annotations_of(node).get(KUBELET) != "down":
            self._silent.pop(name, None)
            condition = condition_of(node["status"], "Ready")
            if condition is not None and condition.get("reason") == "NodeStatusUnknown":
                return self._set_ready(node, "True", "KubeletReady", "kubelet is posting ready status")
            return node
        if name not in self._silent:
            self._silent[name] = now.isoformat()
            self._system.after(GRACE, self, key)
        if now < instant_of(self._silent[name]) + timedelta(seconds=GRACE):
            return node
        return self._set_ready(node, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")

    def _set_ready(self, node: Json, value: str, reason: str, message: str) -> Json:
        status = with_condition(node["status"], "Ready", value, reason, message, self._system.stamp)
        return self._system.update_status(node, status)

    def _taints(self, node: Json) -> list[Json]:
        """Everybody else's taints as they are, and ours as readiness and cordon ask."""
        have = node["spec"].get("taints") or []
        condition = condition_of(node["status"], "Ready")
        ready = condition["status"] if condition else "Unknown"
        wanted: list[tuple[str, str]] = []
        if node["spec"].get("unschedulable"):
            wanted.append((_CORDONED, "NoSchedule"))
        if ready != "True":
            key = _UNREACHABLE if ready == "Unknown" else _NOT_READY
            wanted += [(key, "NoSchedule"), (key, "NoExecute")]
        kept = [taint for taint in have if taint["key"] not in _OURS or (taint["key"], taint["effect"]) in wanted]
        there = {(taint["key"], taint["effect"]) for taint in kept}
        new = [(key, effect) for key, effect in wanted if (key, effect) not in there]
        stamp = self._system.stamp
        return kept + [{"key": key, "effect": effect, "timeAdded": stamp} for key, effect in new]

    def _evict(self, node: Json, taints: list[Json], key: Key) -> None:
        """Delete pods that do not tolerate the node any longer; come back for those that still do."""
        name = node["metadata"]["name"]
        for pod in list(self._system.store.each("Pod")):
            if pod["spec"].get("nodeName") != name or pod["metadata"].get("deletionTimestamp"):
                continue
            left = min(self._tolerated(pod, taint) for taint in taints)
            if left <= 0:
                self._system.delete(pod)
            elif left != float("inf"):
                self._system.after(left, self, key)

    def _tolerated(self, pod: Json, taint: Json) -> float:
        """For how many seconds more the pod stays; infinity where it always does."""
        toleration = toleration_of(pod, taint)
        if toleration is None:
            return 0.0
        if toleration.get("tolerationSeconds") is None:
            return float("inf")
        since = instant_of(taint["timeAdded"]) if "timeAdded" in taint else self._system.now
        return (since + timedelta(seconds=toleration["tolerationSeconds"]) - self._system.now).total_seconds()
