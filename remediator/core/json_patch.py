"""A JSON patch (RFC 6902) as the fields that it sets: `add`, `replace`, `remove` and `test`, nothing that moves values.

A list that an operation reaches into is one field where its items have no name to be known by.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from remediator.core.fields import MERGE_KEYS, Field, Path, value_at
from remediator.core.model import Json, as_json

OPERATIONS = ("add", "replace", "remove", "test")


class PointerError(ValueError):
    """An operation that cannot be done to this object: the API server would answer 422."""


def pointer(*steps: str) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def steps_of(text: str) -> list[str]:
    """The members and places that a pointer names, from the top."""
    return [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:]]


def fields_patched(operations: list[Json], live: Json) -> tuple[Field, ...]:
    """The fields that the operations change, in their order. Raises `PointerError` where one cannot be done."""
    after = as_json(live)
    paths: dict[str, Path] = {}
    for operation in operations:
        path = _path(after, steps_of(operation["path"]))
        paths.setdefault(repr(path), path)
        _apply(after, operation)
    found = (Field(path, value_at(live, path), value_at(after, path), _depth(live, path)) for path in paths.values())
    return tuple(field for field in found if field.is_changed)


def _path(obj: Json, steps: list[str]) -> Path:
    """The field that a pointer leads to: through items that have a name, and up to the first list without."""
    path: list[Any] = []
    here: Any = obj
    for step in steps:
        if isinstance(here, list):
            key = MERGE_KEYS.get(str(path[-1]), "")
            inside = step.isdigit() and int(step) < len(here) and len(path) + 1 < len(steps)
            if not key or not inside or not isinstance(here[int(step)], dict) or key not in here[int(step)]:
                break
            here = here[int(step)]
            path.append({key: here[key]})
        else:
            path.append(step)
            here = here.get(step, UNSET) if isinstance(here, dict) else UNSET
    return tuple(path)


def _depth(live: Json, path: Path) -> int:
    return next((length for length in range(len(path)) if value_at(live, path[: length + 1]) is UNSET), len(path) - 1)


def _apply(obj: Json, operation: Json) -> None:
    steps = steps_of(operation["path"])
    parent: Any = obj
    for step in steps[:-1]:
        parent = _child(parent, step, operation)
    last, kind = steps[-1], operation["op"]
    if kind == "test":
        if _child(parent, last, operation) != operation.get("value"):
            raise PointerError(f"the test of {operation['path']} fails")
    elif isinstance(parent, list):
        _apply_to_list(parent, last, operation)
    elif not isinstance(parent, dict) or (kind != "add" and last not in parent):
        raise PointerError(f"there is nothing at {operation['path']}")
    elif kind == "remove":
        del parent[last]
    else:
        parent[last] = as_json(operation["value"])


def _apply_to_list(items: list[Any], place: str, operation: Json) -> None:
    at, adds = len(items) if place == "-" else int(place) if place.isdigit() else -1, operation["op"] == "add"
    if not 0 <= at < len(items) + int(adds):
        raise PointerError(f"there is nothing at {operation['path']}")
    if adds:
        items.insert(at, as_json(operation["value"]))
    elif operation["op"] == "remove":
        del items[at]
    else:
        items[at] = as_json(operation["value"])


def _child(here: Any, step: str, operation: Json) -> Any:
    if isinstance(here, dict) and step in here:
        return here[step]
    if isinstance(here, list) and step.isdigit() and int(step) < len(here):
        return here[int(step)]
    raise PointerError(f"there is nothing at {operation['path']}")
