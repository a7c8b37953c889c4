"""What goes with what is gone: objects whose owners are no more, and the contents of namespaces being deleted."""

from __future__ import annotations

from collections.abc import Iterable

from remediator.core.kinds import KINDS
from remediator.core.model import Json, Ref
from remediator.simulation.deletion import FOREGROUND, ORPHAN
from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System

_OWNERS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "Node")
_DYING = "dying"


class Garbage:
    """The garbage collector. It looks at `(kind, uid)` of owners that are gone, and at `(dying, address)` of those that
    wait for what they own to go first or to be let go.
    """

    watches = (*_OWNERS, "Pod", "ControllerRevision")

    def __init__(self, system: System) -> None:
        self._system = system

    def keys(self, commit: Commit) -> Iterable[Key]:
        """The uid of an object that is gone and the owners it leaves; the address of an owner that is dying."""
        metadata = commit.obj["metadata"]
        if commit.type == "DELETED":
            namespace = metadata.get("namespace", "")
            owners = metadata.get("ownerReferences") or ()
            waiting = [(_DYING, f"{owner['kind']}/{namespace}/{owner['name']}") for owner in owners]
            return [(commit.kind, metadata["uid"]), *waiting]
        if metadata.get("deletionTimestamp") and commit.kind in _OWNERS:
            return [(_DYING, f"{commit.kind}/{commit.key[0]}/{commit.key[1]}")]
        return []

    def reconcile(self, key: Key) -> None:
        """Delete what it owned, and the pods of a node; or see to what a dying owner waits for."""
        if key[0] == _DYING:
            kind, namespace, name = key[1].split("/")
            owner = self._system.get(kind, namespace, name) if kind in self._system.store.resources else None
            if owner is not None and owner["metadata"].get("deletionTimestamp"):
                self._see_to(owner)
            return
        if key[0] == "Node":
            self._clear_nodes()
        for obj in list(self._system.store.owned(key[1])):
            if not obj["metadata"].get("deletionTimestamp"):
                self._system.delete(obj)

    def _clear_nodes(self) -> None:
        nodes = {node["metadata"]["name"] for node in self._system.store.each("Node")}
        for pod in list(self._system.store.each("Pod")):
            if pod["spec"].get("nodeName") and pod["spec"]["nodeName"] not in nodes:
                self._system.delete(pod, grace=0)

    def _see_to(self, owner: Json) -> None:
        finalizers = owner["metadata"].get("finalizers") or ()
        owned = self._system.store.owned(owner["metadata"]["uid"])
        if ORPHAN in finalizers:
            for obj in owned:
                self._let_go(obj, owner["metadata"]["uid"])
            self._finish(owner, ORPHAN)
        elif FOREGROUND in finalizers:
            for obj in owned:
                self._delete(obj)
            if not owned:
                self._finish(owner, FOREGROUND)

    def _let_go(self, obj: Json, uid: str) -> None:
        owners = [owner for owner in obj["metadata"]["ownerReferences"] if owner["uid"] != uid]
        metadata = {name: value for name, value in obj["metadata"].items() if name != "ownerReferences"}
        metadata |= {"ownerReferences": owners} if owners else {}
        self._system.server.update({**obj, "metadata": metadata})

    def _delete(self, obj: Json) -> None:
        """In the foreground too, where it owns something itself."""
        metadata = obj["metadata"]
        if metadata.get("deletionTimestamp"):
            return
        ref = Ref(KINDS[obj["kind"]], metadata.get("namespace", ""), metadata["name"])
        how = "Foreground" if self._system.store.owned(metadata["uid"]) else "Background"
        self._system.server.delete(ref, propagation=how)

    def _finish(self, owner: Json, finalizer: str) -> None:
        left = [name for name in owner["metadata"]["finalizers"] if name != finalizer]
        metadata = {name: value for name, value in owner["metadata"].items() if name != "finalizers"}
        self._system.server.update({**owner, "metadata": metadata | ({"finalizers": left} if left else {})})


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
