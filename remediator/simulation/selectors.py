"""Label selectors, in the string form of list requests and the object form of specs.

The string form after k8s.io/apimachinery/pkg/labels: what it refuses, and in which words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from remediator.core.model import Json
from remediator.ports import Invalid
from remediator.simulation.label_names import key_mistakes, value_mistakes

Labels = dict[str, str]
Selector = Callable[[Labels], bool]

_TOKEN = re.compile(r"\s*(?:(==|!=|[=!<>(),])|([^\s=!<>(),]+)|$)")
_OPERATORS = ("=", "==", "!=", "<", ">", "in", "notin")


def parsed(text: str) -> Selector:
    """The meaning of a selector string; the empty string selects everything. Raises `Invalid` (400).

    As in the API, `!=` and `notin` also hold where the label is missing.
    """
    terms = list(_Parser(text).terms())
    return lambda labels: all(term(labels) for term in terms)


class _Parser:
    """Reads one selector string. A token is an operator or a word; the empty one is the end."""

    def __init__(self, text: str) -> None:
        self._tokens = [found[1] or found[2] or "" for found in _TOKEN.finditer(text)]
        self._tokens = [token for token in self._tokens if token] + [""]

    def terms(self) -> Iterator[Selector]:
        """Its terms, in order."""
        while self._here() == "!" or _is_word(self._here()):
            yield self._term()
            token = self._take()
            if token == "":
                return
            if token != ",":
                raise _refused(f"found '{token}', expected: ',' or 'end of string'")
            if self._here() != "!" and not _is_word(self._here()):
                raise _refused(f"found '{self._here()}', expected: identifier after ','")
        if self._here():
            raise _refused(f"found '{self._here()}', expected: !, identifier, or 'end of string'")

    def _here(self) -> str:
        return self._tokens[0]

    def _take(self) -> str:
        return self._tokens.pop(0) if len(self._tokens) > 1 else ""

    def _term(self) -> Selector:
        absent = self._here() == "!" and bool(self._take())
        name = self._take()
        if not _is_word(name):
            raise _unreadable(f"found '{name}', expected: identifier")
        for mistake in key_mistakes(name):
            raise _unreadable(f'<nil>: Invalid value: "{name}": {mistake}')
        if self._here() in ("", ","):
            return lambda labels: (name in labels) is not absent
        operator = self._take()
        if absent or operator not in _OPERATORS:
            raise _unreadable(f"found '{operator}', expected: in, notin, =, ==, !=, >, <")
        values = self._values() if operator in ("in", "notin") else {self._value()}
        for place, value in enumerate(sorted(values)):
            for mistake in value_mistakes(value):
                raise _unreadable(f'values[{place}][{name}]: Invalid value: "{value}": {mistake}')
        return _meaning(name, operator, values)

    def _value(self) -> str:
        if self._here() in ("", ","):
            return ""
        value = self._take()
        if not _is_word(value):
            raise _unreadable(f"found '{value}', expected: identifier")
        return value

    def _values(self) -> set[str]:
        token = self._take()
        if token != "(":
            raise _unreadable(f"found '{token}' expected: '('")
        found, word = set(), ""
        while (token := self._take()) != ")":
            if word and token != ",":
                raise _unreadable(f"found '{token}', expected: ',' or ')'")
            if token != "," and not _is_word(token):
                raise _unreadable(f"found '{token}', expected: ',', ')' or identifier")
            found |= {word} if token == "," else set()
            word = "" if token == "," else token
        return found | {word}


def _meaning(name: str, operator: str, values: set[str]) -> Selector:
    if operator in ("notin", "!="):
        return _without(name, values)
    if operator in ("in", "=", "=="):
        return _within(name, values)
    bound = next(iter(values))
    if not re.fullmatch(r"-?\d+", bound):
        raise _unreadable(
            f"values[0]: Invalid value: \"{bound}\": for 'Gt', 'Lt' operators, the value must be an integer"
        )
    sign = 1 if operator == ">" else -1

    def beyond(labels: Labels) -> bool:
        value = labels.get(name, "")
        return re.fullmatch(r"-?\d+", value) is not None and sign * (int(value) - int(bound)) > 0

    return beyond


def _is_word(token: str) -> bool:
    return bool(token) and token[0] not in "=!<>(),"


def _unreadable(why: str) -> Invalid:
    return _refused(f"unable to parse requirement: {why}")


def _refused(why: str) -> Invalid:
    return Invalid(why, status=400, reason="BadRequest")


def _within(name: str, values: set[str]) -> Selector:
    return lambda labels: labels.get(name) in values


def _without(name: str, values: set[str]) -> Selector:
    return lambda labels: labels.get(name) not in values


def of_spec(selector: Json | None) -> Selector:
    """The meaning of a `LabelSelector` object: none selects nothing, an empty one everything (policy/v1, apps/v1)."""
    if selector is None:
        return lambda labels: False
    terms = [_within(name, {value}) for name, value in (selector.get("matchLabels") or {}).items()]
    terms += [_expression(item) for item in selector.get("matchExpressions") or ()]
    return lambda labels: all(term(labels) for term in terms)


def _expression(item: Json) -> Selector:
    name, operator, values = item["key"], item["operator"], {str(value) for value in item.get("values") or []}
    if operator == "In":
        return _within(name, values)
    if operator == "NotIn":
        return _without(name, values)
    return lambda labels: (name in labels) is (operator == "Exists")
