"""JSON patch, RFC 6902, over JSON pointers, RFC 6901."""

from __future__ import annotations

from typing import Any

from remediator.core.model import Json
from remediator.ports import Conflict
from remediator.simulation.values import copied

_MISSING = object()


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
        found = _read(document, path, _MISSING)
        if found != operation.get("value") and not (found is _MISSING and operation.get("value") is None):
            raise _refused(f"testing value {operation.get('path')} failed")
        return document
    if kind == "remove":
        return _removed(document, path)
    if kind == "add":
        return _added(document, path, copied(operation.get("value")))
    if kind == "replace":
        _read(document, path)
        return _added(_removed(document, path), path, copied(operation.get("value")))
    if kind in ("move", "copy"):
        source = _steps(operation.get("from"))
        value = copied(_read(document, source))
        return _added(_removed(document, source) if kind == "move" else document, path, value)
    raise _refused(f"unexpected kind: {kind}")


def _steps(pointer: Any) -> list[str]:
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise _absent(str(pointer))
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _read(document: Any, path: list[str], default: Any = None) -> Any:
    """The value at a path; where there is none the default, or `Conflict` without one."""
    value = document
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif default is not None:
            return default
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
