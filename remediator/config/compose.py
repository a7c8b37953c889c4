"""libyaml's events to values and places. Strict: what two readers could read differently is a mistake.

Composed here and not by PyYAML, whose composer recurses in C (a deep file ends the process), lets the last of two
equal keys win, and reads scalars by YAML 1.1.
"""

from __future__ import annotations

from typing import Any

import yaml

from remediator.config.document import Place
from remediator.config.problems import Problem, Problems, path_text
from remediator.config.scalars import AmbiguousScalar, plain
from remediator.config.syntax import syntax_problem, unprintable_problem

DEEPEST = 40
"""Levels of lists and mappings inside each other."""

MOST_VALUES = 500_000
"""Values of a file, those that aliases repeat counted each time."""

_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")

Composed = tuple[Any, Place, int]
"""A value, its place, and how many values it is made of."""


class Unusable(Exception):
    """Nothing more can be said about the file than this problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def compose(text: str, problems: Problems, name: str) -> tuple[Any, Place] | None:
    """The value and places of a text with one YAML document; None where it has none."""
    found = unprintable_problem(text, name)
    if found is not None:
        problems.add(found)
        return None
    composer = _Composer(text, problems, name)
    try:
        value, place, _ = composer.document()
    except Unusable as error:
        problems.add(error.problem)
        return None
    except yaml.MarkedYAMLError as error:
        problems.add(syntax_problem(error, text, name))
        return None
    return value, place


class _Composer:
    def __init__(self, text: str, problems: Problems, name: str) -> None:
        self._parser = yaml.CSafeLoader(text)
        self._problems, self._name = problems, name
        self._anchors: dict[str, Composed] = {}
        self._path: list[str | int] = []
        self._values = 0

    def document(self) -> Composed:
        self._event()  # the stream's start
        start = self._event()
        if isinstance(start, yaml.StreamEndEvent):
            raise Unusable(Problem(self._name, 1, 1, "", "the file is empty", "write groups of rules, or settings"))
        composed = self._value(self._event())
        self._event()  # the document's end
        more = self._event()
        if isinstance(more, yaml.DocumentStartEvent):
            raise self._unusable(more, "a second YAML document begins here", "one document a file: take `---` out")
        return composed

    def _event(self) -> Any:
        return self._parser.get_event()

    def _value(self, event: Any) -> Composed:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        place = _place(event)
        if isinstance(event, yaml.ScalarEvent):
            composed = self._scalar(event), place, 1
        else:
            composed = self._collection(event, place)
        self._weigh(event, 1)
        if event.anchor:
            self._anchors[event.anchor] = composed
        return composed

    def _alias(self, event: Any) -> Composed:
        composed = self._anchors.get(event.anchor)
        if composed is None:
            raise self._unusable(
                event, f"`*{event.anchor}` names no anchor before it", f"set `&{event.anchor}` at a value above"
            )
        self._weigh(event, composed[2])
        return composed

    def _weigh(self, event: Any, values: int) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            raise self._unusable(event, f"has more than {MOST_VALUES} values", "split the file, or repeat less by `*`")

    def _collection(self, event: Any, place: Place) -> Composed:
        if event.tag is not None:
            self._complain(event, f"the tag `{event.tag}` is not allowed", "write the value without a tag")
        if len(self._path) >= DEEPEST:
            raise self._unusable(event, f"is nested deeper than {DEEPEST} levels", "nothing here needs that depth")
        before = self._values
        place.keys, place.children = {}, {}
        read = self._mapping if isinstance(event, yaml.MappingStartEvent) else self._list
        value = read(place)
        return value, place, self._values - before + 1

    def _list(self, place: Place) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := self._event(), yaml.SequenceEndEvent):
            index = len(found)
            value, place.children[index] = self._child(index, event)
            found.append(value)
        return found

    def _mapping(self, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := self._event(), yaml.MappingEndEvent):
            key = self._key(event)
            value, child = self._child(key, self._event())
            if key in found:
                first = place.keys[key]
                self._complain(event, f"the key `{key}` is there twice, first in line {first.line}", "keep one of them")
                continue
            found[key] = value
            place.keys[key], place.children[key] = _place(event), child
        return found

    def _child(self, part: str | int, event: Any) -> tuple[Any, Place]:
        self._path.append(part)
        value, place, _ = self._value(event)
        self._path.pop()
        return value, place

    def _key(self, event: Any) -> str:
        """A key is text, whatever it looks like: `on`, `404` and `null` are keys as they are written."""
        if not isinstance(event, yaml.ScalarEvent):
            raise self._unusable(event, "a key must be one word or text", "write `key: value`")
        if event.value == "<<" and not event.style:
            self._complain(event, "merge keys (`<<`) are not part of YAML 1.2", "write the keys out")
        return event.value

    def _scalar(self, event: Any) -> Any:
        if event.tag not in _TEXT_TAGS:
            self._complain(event, f"the tag `{event.tag}` is not allowed", "write the value without a tag")
        if event.style or event.tag is not None:
            return event.value
        try:
            return plain(event.value)
        except AmbiguousScalar as error:
            self._complain(event, error.message, error.remedy)
            return event.value

    def _complain(self, event: Any, message: str, remedy: str) -> None:
        self._problems.add(self._problem(event, message, remedy))

    def _unusable(self, event: Any, message: str, remedy: str) -> Unusable:
        return Unusable(self._problem(event, message, remedy))

    def _problem(self, event: Any, message: str, remedy: str) -> Problem:
        mark = event.start_mark
        return Problem(self._name, mark.line + 1, mark.column + 1, path_text(tuple(self._path)), message, remedy)


def _place(event: Any) -> Place:
    mark = event.start_mark
    style = (getattr(event, "style", None) or "") if isinstance(event, yaml.ScalarEvent) else ""
    return Place(mark.line + 1, mark.column + 1, style)
