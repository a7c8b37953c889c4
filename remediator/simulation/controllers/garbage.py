"""What goes with what is gone: objects whose owners are no more, and the contents of namespaces being deleted."""

from __future__ import annotations

from collections.abc import Iterable

from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System


class Garbage:
    """The garbage collector, in the background. It looks at `(kind, uid)` of owners that were deleted."""

    watches = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "Node")

    def __init__(self, system: System) -> None:
        self._system = system

    def keys(self, commit: Commit) -> Iterable[Key]:
        """The uid of an object that is gone."""
        return [(commit.kind, commit.obj["metadata"]["uid"])] if commit.type == "DELETED" else []

    def reconcile(self, key: Key) -> None:
        """Delete what it owned, and the pods of a node."""
        if key[0] == "Node":
            nodes = {node["metadata"]["name"] for node in self._system.store.each("Node")}
            for pod in list(self._system.store.each("Pod")):
                if pod["spec"].get("nodeName") and pod["spec"]["nodeName"] not in nodes:
                    self._system.delete(pod, grace=0)
        for obj in list(self._system.store.owned(key[1])):
            if not obj["metadata"].get("deletionTimestamp"):
                self._system.delete(obj)


class Namespaces:
    """The namespace controller: empties a namespace that is being deleted, then removes it."""

    watches = ("Namespace", "Pod")

    def __init__(self, system: System) -> None:
        self._system = system

    def keys(self, commit: Commit) -> Iterable[Key]:
        """A namespace itself, and that of a pod that is gone."""
        if commit.kind == "Namespace":
            return [commit.key]
        return [("", commit.key[0])] if commit.type == "DELETED" else []

    def reconcile(self, key: Key) -> None:
        """Delete everything in it; once nothing is left, the namespace."""
        namespace = self._system.get("Namespace", *key)
        if namespace is None or not namespace["metadata"].get("deletionTimestamp"):
            return
        left = 0
        namespaced = (kind for kind, resource in self._system.store.resources.items() if resource.namespaced)
        for kind in namespaced:
            for obj in list(self._system.store.each(kind, key[1])):
                left += 1
                if not obj["metadata"].get("deletionTimestamp"):
                    self._system.delete(obj)
        if left == 0:
            self._system.store.remove("Namespace", "", key[1])
        else:
            self._system.after(1.0, self, key)
