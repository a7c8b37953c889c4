"""JSON patch, RFC 6902, over JSON pointers, RFC 6901, with the freedoms that the API server's library takes."""

from __future__ import annotations

from typing import Any

from remediator.core.model import Json
from remediator.ports import Conflict
from remediator.simulation.values import copied


def applied(document: Any, operations: list[Json]) -> Any:
    """The document after all operations, or an error and none of them.

    A `test` that fails raises `Conflict`, and so does a path that is not there: the API server answers both alike
    (422, without a cause), and the object is not the one that the patch was made for.
    """
    result = copied(document)
    for operation in operations:
        result = _apply(result, operation)
    return result


def _apply(document: Any, operation: Json) -> Any:
    kind, path = operation.get("op"), _steps(operation.get("path"))
    if kind == "test":
        if _member(document, path) != operation.get("value"):
            raise _refused(f"testing value {operation.get('path')} failed")
        return document
    if kind == "remove":
        return _removed(document, path)
    if kind == "add":
        return _added(document, path, copied(operation.get("value")))
    if kind == "replace":
        return _replaced(document, path, copied(operation.get("value")))
    if kind in ("move", "copy"):
        source = _steps(operation.get("from"))
        value = copied(_member(document, source))
        return _added(_removed(document, source) if kind == "move" else document, path, value)
    raise _refused(f"unexpected kind: {kind}")


def _steps(pointer: Any) -> list[str]:
    if not isinstance(pointer, str):
        raise _absent(str(pointer))
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _member(document: Any, path: list[str]) -> Any:
    """The value at a path, null for a member that an object there does not have."""
    parent = _read(document, path[:-1]) if path else None
    return parent.get(path[-1]) if isinstance(parent, dict) else _read(document, path)


def _read(document: Any, path: list[str]) -> Any:
    """The value at a path; raises `Conflict` where there is none."""
    value = document
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise _absent("/" + "/".join(path))
    return value


def _added(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _read(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list) and (last == "-" or (last.isdigit() and int(last) <= len(parent))):
        parent.insert(len(parent) if last == "-" else int(last), value)
    else:
        raise _absent("/" + "/".join(path))
    return document


def _replaced(document: Any, path: list[str], value: Any) -> Any:
    """A member that is not there is added, an item of a list has to be there."""
    parent = _read(document, path[:-1]) if path else None
    if not isinstance(parent, dict):
        document = _removed(document, path)
    return _added(document, path, value)


def _removed(document: Any, path: list[str]) -> Any:
    _read(document, path)
    if not path:
        return None
    parent = _read(document, path[:-1])
    del parent[path[-1] if isinstance(parent, dict) else int(path[-1])]
    return document


def _absent(path: str) -> Conflict:
    return _refused(f"no value at {path}")


def _refused(why: str) -> Conflict:
    """The API server does not say what of the patch it is that fails; `why` is for whoever debugs this."""
    error = Conflict("the server rejected our request due to an error in our request", status=422, reason="Invalid")
    error.add_note(why)
    return error
