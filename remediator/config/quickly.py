"""The values of a text that is as plain as nearly all files are, without their places, which only mistakes have.

Whatever `compose.py` would have something to say about, or do anything about but take it as it stands, is left to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from remediator.config.scalars import AmbiguousScalar, plain
from remediator.config.syntax import unprintable

DEEPEST = 20
"""Levels that are read here. Deeper files are rare."""

LONGEST = 500_000
"""Characters that are read here; each value takes one at least, so that they are not more than `MOST_VALUES`."""

Next = Callable[[], Any]


class NotPlain(Exception):
    """The text has to be read with care."""


def quickly(text: str) -> Any:
    """The value of a text with one YAML document, as `compose` gives it; raises `NotPlain` where that may find more."""
    if len(text) > LONGEST or unprintable(text):
        raise NotPlain
    following: Next = yaml.CSafeLoader(text).get_event
    try:
        following()  # the stream's start
        if not isinstance(following(), yaml.DocumentStartEvent):
            raise NotPlain
        value = _value(following(), following, DEEPEST)
        following()  # the document's end
        if not isinstance(following(), yaml.StreamEndEvent):
            raise NotPlain
    except (yaml.YAMLError, AmbiguousScalar):
        raise NotPlain from None
    return value


def _value(event: Any, following: Next, levels: int) -> Any:
    kind = type(event)
    if kind is yaml.AliasEvent or event.anchor is not None or event.tag is not None or not levels:
        raise NotPlain
    if kind is yaml.ScalarEvent:
        return event.value if event.style else plain(event.value)
    return (_mapping if kind is yaml.MappingStartEvent else _list)(following, levels - 1)


def _mapping(following: Next, levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while type(event := following()) is not yaml.MappingEndEvent:
        key = event.value if type(event) is yaml.ScalarEvent else "<<"
        if key in found or key == "<<" or event.tag is not None or event.anchor is not None:
            raise NotPlain
        found[key] = _value(following(), following, levels)
    return found


def _list(following: Next, levels: int) -> list[Any]:
    found: list[Any] = []
    while type(event := following()) is not yaml.SequenceEndEvent:
        found.append(_value(event, following, levels))
    return found
