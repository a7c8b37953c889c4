"""The simulated etcd: objects by type, namespace and name, one revision counter, a bounded history for watches.

Objects in it are never changed in place; a write puts a new object. Whoever hands one out to strangers copies it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from msgspec import Struct

from remediator.core.kinds import KINDS
from remediator.core.model import Json, Resource
from remediator.ports import NotFound

Key = tuple[str, str]
"""Namespace (empty for cluster-scoped kinds) and name."""


class Commit(Struct, frozen=True):
    """One durable change: at which revision, ADDED, MODIFIED or DELETED, and the object after (or last seen)."""

    revision: int
    type: str
    kind: str
    key: Key
    obj: Json
    old: Json | None = None


class Store:
    """Objects, the revision, the last `history` commits, and listeners that hear of every commit at once."""

    def __init__(self, resources: tuple[Resource, ...] = tuple(KINDS.values()), history: int = 10_000) -> None:
        self.resources = {resource.kind: resource for resource in resources}
        self.revision = 1
        self._objects: dict[str, dict[str, dict[str, Json]]] = {kind: {} for kind in self.resources}
        self._owned: dict[str, dict[tuple[str, str, str], None]] = {}
        self._history: deque[Commit] = deque(maxlen=history)
        self._listeners: list[Callable[[Commit], None]] = []

    def listen(self, listener: Callable[[Commit], None]) -> None:
        """Call `listener` with every commit from now on, in the order of revisions."""
        self._listeners.append(listener)

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        """The stored object itself, or `None`. Not to be changed."""
        return self._objects[kind].get(namespace, {}).get(name)

    def each(self, kind: str, namespace: str = "") -> Iterator[Json]:
        """Stored objects of a kind, in one namespace or (empty) in all; ordered by namespace and name."""
        spaces = self._objects[kind]
        namespace = namespace if self.resources[kind].namespaced else ""
        for space in [namespace] if namespace else sorted(spaces):
            inside = spaces.get(space, {})
            for name in sorted(inside):
                yield inside[name]

    def owned(self, uid: str, kind: str = "") -> list[Json]:
        """Objects with an owner reference to this uid, of one kind or (empty) of all; oldest first."""
        keys = self._owned.get(uid, ())
        return [self._objects[key[0]][key[1]][key[2]] for key in keys if not kind or key[0] == kind]

    def put(self, kind: str, obj: Json) -> Json:
        """Store an object under the next revision, which becomes its resourceVersion; answers what is stored."""
        metadata = obj["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        self.revision += 1
        obj = {**obj, "metadata": {**metadata, "resourceVersion": str(self.revision)}}
        space = self._objects[kind].setdefault(key[0], {})
        old = space.get(key[1])
        space[key[1]] = obj
        self._index((kind, *key), old, obj)
        self._commit(Commit(self.revision, "MODIFIED" if old else "ADDED", kind, key, obj, old))
        return obj

    def remove(self, kind: str, namespace: str, name: str) -> Json:
        """Forget an object under the next revision; answers it with that revision. `KeyError` where it is not."""
        old = self._objects[kind][namespace].pop(name)
        self.revision += 1
        last = {**old, "metadata": {**old["metadata"], "resourceVersion": str(self.revision)}}
        self._index((kind, namespace, name), old, None)
        self._commit(Commit(self.revision, "DELETED", kind, (namespace, name), last, old))
        return last

    def since(self, revision: int) -> list[Commit]:
        """Commits after a revision, in order. Raises `NotFound` (410) where the history does not reach back so far."""
        behind = self.revision - revision
        if behind > len(self._history):
            oldest = self.revision - len(self._history)
            message = f"too old resource version: {revision} ({oldest})"
            raise NotFound(message, status=410, reason="Expired")
        return [self._history[index] for index in range(len(self._history) - max(behind, 0), len(self._history))]

    def rewound(self, kind: str, namespace: str, revision: int) -> list[Json]:
        """Objects of a kind as they were at a revision that the history still reaches, ordered as `each`."""
        if revision >= self.revision:
            return list(self.each(kind, namespace))
        objects: dict[Key, Json | None] = {
            (obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): obj for obj in self.each(kind, namespace)
        }
        for commit in reversed(self.since(revision)):
            if commit.kind == kind and namespace in ("", commit.key[0]):
                objects[commit.key] = commit.old
        return [obj for _, obj in sorted(objects.items()) if obj is not None]

    def compact(self) -> None:
        """Forget the history: watches from before now end with 410."""
        self._history.clear()

    def _commit(self, commit: Commit) -> None:
        self._history.append(commit)
        for listener in self._listeners:
            listener(commit)

    def _index(self, key: tuple[str, str, str], old: Json | None, new: Json | None) -> None:
        before = {owner["uid"] for owner in (old["metadata"].get("ownerReferences") or ())} if old else set()
        after = {owner["uid"] for owner in (new["metadata"].get("ownerReferences") or ())} if new else set()
        for uid in before - after:
            self._owned[uid].pop(key, None)
            if not self._owned[uid]:
                del self._owned[uid]
        for uid in after - before:
            self._owned.setdefault(uid, {})[key] = None
