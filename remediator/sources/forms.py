"""The form in which objects of a kind are read for conditions: who they are, and the fields that rules speak of.

What no rule speaks of is skipped while it is decoded: a pod of 8 KiB costs a few microseconds and a few bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import msgspec

from remediator.conditions.where import Path
from remediator.core.kinds import bare
from remediator.core.model import Json, Resource, Value

Key = tuple[str, str]
"""Namespace, empty for cluster-scoped kinds, and name."""


class Identity(Value, frozen=True):
    """Who an object is. `version` is its resourceVersion; `labels` are a node's, which say where it stands."""

    key: Key
    uid: str
    version: str
    labels: dict[str, str] = {}

    @property
    def namespace(self) -> str:
        """Empty for cluster-scoped kinds."""
        return self.key[0]

    @property
    def name(self) -> str:
        """Its name."""
        return self.key[1]


class Form:
    """How objects of a kind are decoded. `type` is what is handed to the cluster."""

    def __init__(self, resource: Resource, paths: Iterable[Path]) -> None:
        self._resource, self._labelled = resource, resource.kind == "Node"
        self._stated = {"apiVersion": resource.api_version, "kind": bare(resource.kind)}
        self._tree = _tree(paths)
        self.type: Any = dict if self._tree is None else _object_type(self._tree, self._labelled)

    def identity(self, obj: Any) -> Identity:
        """Who a decoded object is."""
        if isinstance(obj, dict):
            meta = obj["metadata"]
            labels = (meta.get("labels") or {}) if self._labelled else {}
            key = sys.intern(meta.get("namespace", "")), meta.get("name", "")
            return Identity(key, meta.get("uid", ""), meta["resourceVersion"], labels)
        meta = obj.metadata
        labels = (meta.labels or {}) if self._labelled and meta.labels is not msgspec.UNSET else {}
        return Identity((sys.intern(meta.namespace), meta.name), meta.uid, meta.resourceVersion, labels)

    def view(self, obj: Any) -> Json:
        """A decoded object as conditions see it; lists leave its kind out."""
        plain = obj if isinstance(obj, dict) else msgspec.to_builtins(obj)
        return self._stated | plain


def _tree(paths: Iterable[Path]) -> dict[str, set[str]] | None:
    """The fields by their part of the object, an empty set for all of a part; None where the whole is spoken of."""
    tree: dict[str, set[str]] = {}
    whole: set[str] = set()
    for path in paths:
        if not path:
            return None
        tree.setdefault(path[0], set()).update(path[1:2])
        if len(path) == 1:
            whole.add(path[0])
    if "metadata" in whole:
        return None
    return {part: set() if part in whole else fields for part, fields in tree.items()}


def _object_type(tree: dict[str, set[str]], labelled: bool) -> Any:
    named = {"namespace", "name", "uid", "resourceVersion"}
    meta = _part_type("Meta", tree.get("metadata", set()) - named | ({"labels"} if labelled else set()), sorted(named))
    parts = {part: _part_type(part, fields) if fields else Any for part, fields in tree.items() if part != "metadata"}
    return msgspec.defstruct(
        "Object",
        [("metadata", meta), *((f"part_{part}", _or_none(of), msgspec.UNSET) for part, of in parts.items())],
        rename={f"part_{part}": part for part in parts},
        gc=False,
    )


def _part_type(name: str, fields: set[str], texts: Iterable[str] = ()) -> Any:
    """A struct of some fields of anything, and of texts that are empty where they are not there."""
    optional = [(f"field_{each}", _or_none(Any), msgspec.UNSET) for each in sorted(fields) if each != "labels"]
    labels = [("labels", _or_none(Any), msgspec.UNSET)] if "labels" in fields else []
    return msgspec.defstruct(
        name,
        [*((each, str, "") for each in texts), *labels, *optional],
        rename={f"field_{each}": each for each in fields},
        gc=False,
    )


def _or_none(of: Any) -> Any:
    return of | None | msgspec.UnsetType
