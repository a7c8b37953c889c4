"""Fields of live objects: which ones a patch sets, whether they are still ours, and the patch that restores them.

Whose a field is stands in `metadata.managedFields` (KEP-555): the manager that last changed it holds it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import UNSET

from remediator.core.model import Json, Value, as_json

MANAGER = "remediator"
"""The field manager that all writes of ours go under."""

MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "ports": "containerPort",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "secrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
"""Lists whose items a strategic merge patch merges, and by which field (tag `patchMergeKey` of k8s.io/api)."""

Path = tuple[Any, ...]
"""Where a field stands: names of members, and for an item of a list what it is known by, as `{"name": "app"}`."""


class Field(Value, frozen=True):
    """One field that a write sets: what it was `before`, what it is `after`; UNSET where it is not there.

    `roots` is how many steps of the path lead through what was there before: what is behind may go when it is empty.
    `secret`: it was, or is, what looks like a secret, and is not kept.
    """

    path: Path
    before: Any = UNSET
    after: Any = UNSET
    roots: int = 0
    secret: bool = False

    @property
    def is_changed(self) -> bool:
        """Whether the write makes it another one."""
        return self.before != self.after


def fields_set(patch: Json, live: Json, *, by_key: bool = False) -> tuple[Field, ...]:
    """The fields that a merge patch changes in a live object; `by_key` for a strategic one, whose lists may merge.

    Members are set one by one, so that what others add beside them is not touched by an undo.
    """
    return tuple(field for field in _set(patch, live, (), by_key) if field.is_changed)


def value_at(obj: Any, path: Path) -> Any:
    """The value at a path; UNSET where there is none."""
    here = obj
    for step in path:
        here = _member(here, step)
        if here is UNSET:
            return UNSET
    return here


def is_ours(live: Json, field: Field) -> bool:
    """Whether the field is as we set it and nobody else has set it since.

    Where the object keeps books, we alone must hold the field; a value that admission made another one is ours still. A
    field that we took away must still be away, and where there are no books the value must be ours.
    """
    now = value_at(live, field.path)
    if field.after is UNSET or now is UNSET:
        return now is field.after
    books = live["metadata"].get("managedFields")
    if not books:
        return bool(now == field.after)
    return {each.get("manager") for each in books if _holds(each.get("fieldsV1"), field.path)} == {MANAGER}


def restoring(live: Json, fields: Iterable[Field]) -> Json:
    """The merge patch that gives fields of a live object back what they were, and touches nothing else.

    A list that has such a field is sent whole, as it stands but for the field.
    """
    restored = as_json(live)
    for field in fields:
        _put(restored, field.path, field.before)
        for length in range(len(field.path) - 1, field.roots, -1):
            if value_at(restored, field.path[:length]) in ({}, []):
                _put(restored, field.path[:length], UNSET)
    return difference(live, restored)


def difference(old: Json, new: Json) -> Json:
    """The merge patch that makes one object of another; lists are sent whole."""
    found: Json = {name: None for name in old if name not in new}
    for name, value in new.items():
        was = old.get(name, UNSET)
        if was == value:
            continue
        both = isinstance(was, dict) and isinstance(value, dict)
        found[name] = difference(was, value) if both else value
    return found


def changed_since(live: Json, path: Path, since: datetime) -> frozenset[str]:
    """The managers that may have changed a field, or something in it, after an instant, by the books of the object.

    A manager that holds it and has changed anything of its own since counts. Books have whole seconds: what was changed
    in the very second of `since` does not count.
    """
    books = (each for each in live["metadata"].get("managedFields") or () if not each.get("subresource"))
    return frozenset(
        each["manager"]
        for each in books
        if _holds(each.get("fieldsV1"), path) and datetime.fromisoformat(each["time"]) > since
    )


def shown(path: Path) -> str:
    """A path as people write it: `spec.template.spec.containers[app].image`."""
    text = "".join(f"[{next(iter(step.values()))}]" if isinstance(step, Mapping) else f".{step}" for step in path)
    return text.removeprefix(".")


def _set(patch: Json, live: Any, path: Path, by_key: bool) -> Iterator[Field]:
    for name, value in patch.items():
        yield from _set_at((*path, name), value, _member(live, name), len(path), by_key)


def _set_at(path: Path, value: Any, here: Any, depth: int, by_key: bool) -> Iterator[Field]:
    key = MERGE_KEYS.get(str(path[-1])) if by_key else None
    if isinstance(value, dict) and value and (here is UNSET or isinstance(here, dict)):
        for field in _set(value, here, path, by_key):
            yield field if here is not UNSET else _rooted(field, depth)
    elif isinstance(value, list) and key:
        for item in value:
            yield from _set_item((*path, {key: item[key]}), item, here, depth, by_key)
    elif value != {} or not isinstance(here, dict):
        yield Field(path, here, UNSET if value is None else _without_nulls(value), depth)


def _without_nulls(value: Any) -> Any:
    """What becomes of a value where nothing of it was before; a null in a list stands for itself."""
    if not isinstance(value, dict):
        return value
    return {name: _without_nulls(each) for name, each in value.items() if each is not None}


def _set_item(path: Path, item: Json, here: Any, depth: int, by_key: bool) -> Iterator[Field]:
    """An item of a list that merges: field by field where it is there, whole where it is new."""
    there = _member(here, path[-1])
    if there is UNSET:
        yield Field(path, UNSET, item, depth if here is UNSET else depth + 1)
    else:
        yield from _set(item, there, path, by_key)


def _rooted(field: Field, depth: int) -> Field:
    return Field(field.path, field.before, field.after, min(field.roots, depth))


def _member(here: Any, step: Any) -> Any:
    if isinstance(step, Mapping):
        ((key, value),) = step.items()
        items = here if isinstance(here, list) else ()
        return next((each for each in items if isinstance(each, dict) and each.get(key) == value), UNSET)
    return here.get(step, UNSET) if isinstance(here, dict) else UNSET


def _put(obj: Json, path: Path, value: Any) -> None:
    """Set what is at a path, or take it away; parts of the path that are not there are made where there is a value."""
    parent = value_at(obj, path[:-1])
    if parent is UNSET:
        if value is UNSET:
            return
        _put(obj, path[:-1], [] if isinstance(path[-1], Mapping) else {})
        parent = value_at(obj, path[:-1])
    step = path[-1]
    if isinstance(parent, list):
        _put_item(parent, step, value)
    elif value is UNSET:
        parent.pop(step, None)
    else:
        parent[step] = as_json(value)


def _put_item(items: list[Any], step: Any, value: Any) -> None:
    here = _member(items, step)
    if value is not UNSET and here is UNSET:
        items.append(as_json(value) or dict(step))
    elif value is UNSET and here is not UNSET:
        items.remove(here)
    elif value is not UNSET:
        items[items.index(here)] = as_json(value)


def _holds(books: Any, path: Path) -> bool:
    """Whether an entry of `managedFields` (fieldsV1) has the field: itself, a part of it, or a whole that it is in."""
    here = books
    for step in path:
        if not isinstance(here, dict):
            return False
        if here == {} and here is not books:
            return True
        here = _in_books(here, step)
    return here is not None


def _in_books(here: Json, step: Any) -> Any:
    if not isinstance(step, Mapping):
        return here.get(f"f:{step}")
    for name, each in here.items():
        if name.startswith("k:") and step.items() <= json.loads(name[2:]).items():
            return each
    return None
