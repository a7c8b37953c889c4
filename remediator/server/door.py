"""What a route is, to the server that answers it and to the document that describes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from remediator.core.model import Value

Handler = Callable[[Request], Awaitable[Response]]


class Param(Value, frozen=True):
    """One parameter of the query, with its JSON Schema."""

    name: str
    schema: dict[str, Any]
    text: str


class Problem(Value, frozen=True):
    """What every answer but a success says: what is wrong and what to do next; `mistakes` of rule files, one by one."""

    error: str
    mistakes: tuple[str, ...] = ()


class Text(Value, frozen=True):
    """An answer that is no JSON, of this media type."""

    media_type: str


@dataclass(frozen=True, slots=True)
class Door:
    """One method of one path. `who` is let in: `anybody`, `alertmanager`, or operators with one of these roles.

    `gives` is by status code what a success says: the type of its JSON, or a `Text`; `fails` are codes with a
    `Problem`, besides those that every guarded door has. `asks` is the type of the JSON it takes.
    """

    method: str
    path: str
    handler: Handler
    text: str
    who: tuple[str, ...]
    gives: dict[int, Any]
    fails: tuple[int, ...] = ()
    asks: type | None = None
    query: tuple[Param, ...] = ()


AFTER = Param("after", {"type": "string", "maxLength": 200}, "The `next` of the page before; absent for the first.")
SEQ = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
LIMIT = Param(
    "limit", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}, "Items of the page: 1 to 1000, 100 if absent."
)
