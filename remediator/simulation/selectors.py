"""Label selectors, in the string form of list requests and the object form of specs."""

from __future__ import annotations

import re
from collections.abc import Callable

from remediator.core.model import Json
from remediator.ports import Invalid

Labels = dict[str, str]
Selector = Callable[[Labels], bool]

_SPLIT = re.compile(r",(?![^(]*\))")
_SET = re.compile(r"^(\S+)\s+(in|notin)\s+\(([^)]*)\)$")
_EQUAL = re.compile(r"^([^\s=!]+)\s*(==|=|!=)\s*(\S*)$")
_NAME = re.compile(r"^(!?)\s*([A-Za-z0-9][-A-Za-z0-9_./]*)$")


def parsed(text: str) -> Selector:
    """The meaning of a selector string; the empty string selects everything. Raises `Invalid` (400).

    As in the API, `!=` and `notin` also hold where the label is missing.
    """
    terms = [_term(part.strip()) for part in _SPLIT.split(text)] if text.strip() else []
    return lambda labels: all(term(labels) for term in terms)


def _term(part: str) -> Selector:
    if found := _SET.match(part):
        name, operator, values = found[1], found[2], {value.strip() for value in found[3].split(",")}
        return _within(name, values) if operator == "in" else _without(name, values)
    if found := _EQUAL.match(part):
        name, operator, value = found.groups()
        return _without(name, {value}) if operator == "!=" else _within(name, {value})
    if found := _NAME.match(part):
        name, wanted = found[2], not found[1]
        return lambda labels: (name in labels) is wanted
    raise Invalid(f'unable to parse requirement: found "{part}"', status=400, reason="BadRequest")


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
