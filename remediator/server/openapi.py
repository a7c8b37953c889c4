"""`GET /openapi.json`: the doors as an OpenAPI 3.1 document, made from what serves them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from remediator import __version__
from remediator.server.door import Door, Problem, Text

_REF = "#/components/schemas/{name}"
_GUARDED = (401, 403, 429, 503)
"""What every door that asks who asks may answer; those of operators 400 too, for a parameter that they do not know."""
_MEANS = {
    200: "done",
    202: "kept; it is decided once a replica is in charge",
    400: "not understood",
    401: "the token is missing or wrong",
    403: "the role is missing, or a page of another origin asks",
    404: "there is no such thing",
    408: "the body did not arrive in time",
    409: "it does not count",
    413: "too large",
    422: "it names what there is not",
    429: "too often",
    503: "not now",
}


def document(doors: Iterable[Door]) -> dict[str, Any]:
    """The document. The order of paths is that of the doors."""
    doors = tuple(doors)
    types = [Problem, *(each for door in doors for each in (door.asks, *door.gives.values()) if isinstance(each, type))]
    schemas, components = msgspec.json.schema_components(dict.fromkeys(types), ref_template=_REF)
    known = dict(zip(dict.fromkeys(types), schemas, strict=True))
    paths: dict[str, Any] = {}
    for door in doors:
        paths.setdefault(door.path, {})[door.method.lower()] = _operation(door, known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "remediator",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SCHEMES},
    }


_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of web.auth, or one of Kubernetes."},
    "password": {"type": "http", "scheme": "basic", "description": "web.auth.webhook_basic_auth."},
}


def _operation(door: Door, known: dict[type, Any]) -> dict[str, Any]:
    named = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in _names(door.path)]
    asked = [{"name": each.name, "in": "query", "schema": each.schema, "description": each.text} for each in door.query]
    operation: dict[str, Any] = {
        "operationId": _id(door),
        "summary": door.text,
        "parameters": named + asked,
        "responses": {str(code): _answer(code, said, known) for code, said in _answers(door).items()},
    }
    if door.asks is not None:
        content = {"application/json": {"schema": known[door.asks]}}
        operation["requestBody"] = {"required": True, "content": content}
    if door.who != ("anybody",):
        operation["security"] = [{"token": []}, *([{"password": []}] if door.who == ("alertmanager",) else [])]
        operation["description"] = f"For {_whom(door.who)}."
    return operation


def _answers(door: Door) -> dict[int, Any]:
    guarded = () if door.who == ("anybody",) else (400, *_GUARDED)
    return dict(sorted((door.gives | dict.fromkeys((*door.fails, *guarded), Problem)).items()))


def _answer(code: int, said: Any, known: dict[type, Any]) -> dict[str, Any]:
    if isinstance(said, Text):
        return {"description": _MEANS[code], "content": {said.media_type: {"schema": {"type": "string"}}}}
    return {"description": _MEANS[code], "content": {"application/json": {"schema": known[said]}}}


def _names(path: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", path)


def _id(door: Door) -> str:
    return "_".join((door.method.lower(), *re.findall(r"\w+", door.path)))


def _whom(who: tuple[str, ...]) -> str:
    if who == ("alertmanager",):
        return "Alertmanager, by its own token or password"
    return "any operator" if who == ("view",) else f"operators with the role {' or '.join(who)}"
