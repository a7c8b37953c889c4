"""The state as JSON and back, exactly, so that a checkpoint in the journal can stand in for the records before it.

It is cut into texts of moderate size, each an object with some fields of `State` and some entries of its maps. The
rules that open incidents began with are in a map of their own, `definitions`, since many incidents share one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from immutables import Map
from msgspec import UNSET, UnsetType

from remediator.core.rules import Rule
from remediator.core.state import Incident, State

PART = 128 * 1024
"""Bytes after which a text ends, with the entry that reaches them: little enough to be written between decisions."""

_encode = msgspec.json.Encoder(order="sorted").encode
_hints = get_type_hints(State)
_MAPS = {name: get_args(hint)[1] for name, hint in _hints.items() if get_origin(hint) is Map}
_VALUES = tuple(name for name in _hints if name not in _MAPS)
_DEFINITION = Incident.__struct_fields__.index("definition")


def frozen(state: State, size: int = PART) -> Iterator[str]:
    """The state as JSON texts of about `size` bytes: at least one, the same ones for equal states.

    Made one by one as they are asked for; the state itself cannot change meanwhile.
    """
    held: dict[str, list[bytes]] = {}
    length = 0
    for name, entry in _entries(state):
        held.setdefault(name, []).append(entry)
        length += len(entry)
        if length >= size:
            yield _text(held)
            held, length = {}, 0
    if held:
        yield _text(held)


def thawed(texts: Iterator[str] | list[str]) -> State:
    """The state of which these are the texts, in their order. Raises `ValueError` as `Thawing` does."""
    thawing = Thawing()
    for text in texts:
        thawing.add(text)
    return thawing.state()


@cache
def form() -> str:
    """What tells whether texts were written by a program whose state has the same shape as this one's.

    Texts of another form can be read all the same, but for fields that this program does not know; what they lack has
    its default then. A version that adds to `State` what open incidents bring about makes up for that in `Thawing`.
    """
    schema = msgspec.json.schema(_part())
    return hashlib.sha256(_encode(_undescribed(schema))).hexdigest()[:12]


class Thawing:
    """A state that is put together from its texts."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._maps: dict[str, dict[str, Any]] = {name: {} for name in _MAPS}
        self._definitions: dict[str, Rule] = {}

    def add(self, text: str) -> None:
        """One more text. Raises `ValueError` where it is none, or holds what this program does not know."""
        part = _decoder().decode(text)
        self._values.update({name: value for name in _VALUES if (value := getattr(part, name)) is not UNSET})
        for name, entries in self._maps.items():
            if name != "incidents":
                entries.update(getattr(part, name))
        for key, rule in part.definitions.items():
            present: Rule | None = self._maps["rules"].get(rule.name)
            self._definitions[key] = present if present is not None and present == rule else rule
        for key, incident in part.incidents.items():
            self._maps["incidents"][key] = self._incident(incident)

    def state(self) -> State:
        """The state of all texts together."""
        maps: dict[str, Any] = {name: Map(entries) for name, entries in self._maps.items()}
        return State(**self._values | maps)

    def _incident(self, found: Any) -> Incident:
        values = list(msgspec.structs.astuple(found))
        try:
            values[_DEFINITION] = self._definitions[found.definition]
        except KeyError:
            raise ValueError(f"the rule of incident {found.id} is missing: a text before this one is") from None
        return Incident(*values)


def _entries(state: State) -> Iterator[tuple[str, bytes]]:
    """Every value of the state, and every entry of its maps, as JSON under its field; what others need comes first."""
    for name in _VALUES:
        yield name, _encode(getattr(state, name))
    for name, entries in (("rules", state.rules), *((name, getattr(state, name)) for name in _MAPS)):
        if name == "incidents":
            yield from _incidents(sorted(state.incidents.items()))
        elif name != "rules" or entries is state.rules:
            yield from ((name, _encode(key) + b":" + _encode(entries[key])) for key in sorted(entries))


def _incidents(incidents: list[tuple[str, Incident]]) -> Iterator[tuple[str, bytes]]:
    """The rules that the incidents began with, then the incidents, which name them by number."""
    numbers: dict[bytes, str] = {}
    known: dict[int, str] = {}
    for _, incident in incidents:
        rule = incident.definition
        if id(rule) not in known:
            text = _encode(rule)
            if text not in numbers:
                numbers[text] = str(len(numbers))
                yield "definitions", _encode(numbers[text]) + b":" + text
            known[id(rule)] = numbers[text]
    likeness = _incident_likeness()
    for key, incident in incidents:
        values = list(msgspec.structs.astuple(incident))
        values[_DEFINITION] = known[id(incident.definition)]
        yield "incidents", _encode(key) + b":" + _encode(likeness(*values))


def _text(held: dict[str, list[bytes]]) -> str:
    fields = (
        _encode(name) + b":" + (entries[0] if name in _VALUES else b"{" + b",".join(entries) + b"}")
        for name, entries in held.items()
    )
    return (b"{" + b",".join(fields) + b"}").decode()


@cache
def _incident_likeness() -> Any:
    """An incident whose rule is named by number."""
    hints = get_type_hints(Incident) | {"definition": str}
    fields = [(field.name, hints[field.name], *_default(field)) for field in msgspec.structs.fields(Incident)]
    return msgspec.defstruct("FrozenIncident", fields, frozen=True)  # type: ignore[arg-type]


def _default(field: msgspec.structs.FieldInfo) -> tuple[Any, ...]:
    if field.default_factory is not msgspec.NODEFAULT:
        return (msgspec.field(default_factory=field.default_factory),)
    return () if field.default is msgspec.NODEFAULT else (field.default,)


@cache
def _part() -> Any:
    """One text: any of the state's fields."""
    kinds = _MAPS | {"incidents": _incident_likeness(), "definitions": Rule}
    maps = [(name, dict[str, kind], msgspec.field(default_factory=dict)) for name, kind in kinds.items()]
    values = [(name, _hints[name] | UnsetType, UNSET) for name in _VALUES]
    return msgspec.defstruct("FrozenState", [*values, *maps], forbid_unknown_fields=True)  # type: ignore[list-item]


@cache
def _decoder() -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_part())


def _undescribed(schema: Any) -> Any:
    """A schema without what only people read."""
    if isinstance(schema, dict):
        return {key: _undescribed(value) for key, value in schema.items() if key != "description"}
    return [_undescribed(each) for each in schema] if isinstance(schema, list) else schema
