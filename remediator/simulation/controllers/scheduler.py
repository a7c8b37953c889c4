"""The scheduler: a node for every pod that has none, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable

from remediator.core.model import Json
from remediator.simulation.controllers.conditions import with_condition
from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System


class Scheduler:
    """Binds pods to the fitting node with the fewest pods; ties go to the first name."""

    watches = ("Pod", "Node")

    def __init__(self, system: System) -> None:
        self._system = system
        self._pending: dict[Key, None] = {}
        self._load: dict[str, dict[Key, None]] = {}

    def keys(self, commit: Commit) -> Iterable[Key]:
        """A pod without a node; all of them when a node changes or a pod leaves one."""
        if commit.kind == "Node":
            return list(self._pending)
        node = commit.obj["spec"].get("nodeName")
        if commit.type == "DELETED":
            self._pending.pop(commit.key, None)
            self._load.get(node or "", {}).pop(commit.key, None)
            return list(self._pending)
        if node:
            self._pending.pop(commit.key, None)
            self._load.setdefault(node, {})[commit.key] = None
            return []
        self._pending[commit.key] = None
        return [commit.key]

    def reconcile(self, key: Key) -> None:
        """Bind a pod, or tell in its conditions why it has to wait."""
        pod = self._system.get("Pod", *key)
        if pod is None or pod["spec"].get("nodeName") or pod["metadata"].get("deletionTimestamp"):
            return
        nodes = list(self._system.store.each("Node"))
        reasons: dict[str, int] = {}
        fitting = []
        for node in nodes:
            reason = self._objection(node, pod)
            if reason:
                reasons[reason] = reasons.get(reason, 0) + 1
            else:
                fitting.append((len(self._load.get(node["metadata"]["name"], ())), node["metadata"]["name"]))
        if fitting:
            self._bind(pod, min(fitting)[1])
            return
        why = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        text = f"0/{len(nodes)} nodes are available: {why}." if nodes else "no nodes available to schedule pods"
        condition = ("PodScheduled", "False", "Unschedulable", text)
        self._system.update_status(pod, with_condition(pod["status"], *condition, self._system.stamp))

    def _bind(self, pod: Json, node: str) -> None:
        metadata = pod["metadata"]
        scheduled = {
            "type": "PodScheduled",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": self._system.stamp,
        }
        status = {**pod["status"], "conditions": [scheduled]}
        self._system.server.bind(metadata["namespace"], metadata["name"], node, status)

    def _objection(self, node: Json, pod: Json) -> str:
        wanted = pod["spec"].get("nodeSelector") or {}
        labels = node["metadata"].get("labels") or {}
        name = node["metadata"]["name"]
        if not wanted.items() <= labels.items() or _pinned(pod) not in ("", name):
            return "node(s) didn't match Pod's node affinity/selector"
        if node["spec"].get("unschedulable") and not tolerates(pod, UNSCHEDULABLE):
            return "node(s) were unschedulable"
        for taint in node["spec"].get("taints") or ():
            if taint["effect"] != "PreferNoSchedule" and not tolerates(pod, taint):
                return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
        room = int((node["status"].get("allocatable") or {}).get("pods", 110))
        return "Too many pods" if len(self._load.get(name, ())) >= room else ""


UNSCHEDULABLE: Json = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
"""What a cordon amounts to for a pod's tolerations."""


def tolerates(pod: Json, taint: Json) -> bool:
    """Whether one of the pod's tolerations covers a taint."""
    return toleration_of(pod, taint) is not None


def toleration_of(pod: Json, taint: Json) -> Json | None:
    """The toleration that covers a taint."""
    for item in pod["spec"].get("tolerations") or ():
        if item.get("effect") and item["effect"] != taint["effect"]:
            continue
        if item.get("key") and item["key"] != taint["key"]:
            continue
        if item.get("operator", "Equal") == "Exists" or item.get("value", "") == taint.get("value", ""):
            return item
    return None


def _pinned(pod: Json) -> str:
    """The node that a DaemonSet's pod is made for, by its affinity to `metadata.name`."""
    node_affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name":
                return field["values"][0]
    return ""
