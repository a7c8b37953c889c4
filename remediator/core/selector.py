"""Label selectors in the form of the Kubernetes API's requests, as rules write them."""

from __future__ import annotations

import re

from remediator.core.model import Value

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY = rf"(?:[a-z0-9](?:[-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_NAME}"
_VALUE = rf"(?:{_NAME})?"
_TERM = re.compile(
    rf"\s*(?:(?P<absent>!)\s*(?P<without>{_KEY})"
    rf"|(?P<key>{_KEY})\s*(?:(?P<equals>==?|!=)\s*(?P<value>{_VALUE})"
    rf"|(?<=\s)(?P<within>in|notin)\s*\((?P<values>\s*{_VALUE}\s*(?:,\s*{_VALUE}\s*)*)\))?)\s*(?:,(?=.)|$)",
    re.DOTALL,
)


class SelectorError(ValueError):
    """A text that is no selector; `offset` is the character (from 0) from which on it is not understood."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message, self.offset = message, offset


class Requirement(Value, frozen=True):
    """One term: `key` has one of `values` (`in`), has none of them or is not there (`notin`), `exists` or `absent`."""

    key: str
    how: str
    values: frozenset[str] = frozenset()

    def holds(self, labels: dict[str, str]) -> bool:
        """Whether these labels meet it."""
        if self.how in ("exists", "absent"):
            return (self.key in labels) is (self.how == "exists")
        return (labels.get(self.key) in self.values) is (self.how == "in")


def requirements(text: str) -> tuple[Requirement, ...]:
    """The terms of a selector, all of which must hold. Raises `SelectorError`, for the empty one too: it would select
    everything.
    """
    found, place = [], 0
    while place < len(text) or not found:
        term = _TERM.match(text, place)
        if term is None:
            raise SelectorError(f"`{text}` is no label selector", place)
        found.append(_requirement(term))
        place = term.end()
    return tuple(found)


def matches(text: str, labels: dict[str, str]) -> bool:
    """Whether labels meet a selector; none given (empty) selects all that was asked for."""
    return not text or all(each.holds(labels) for each in requirements(text))


def _requirement(term: re.Match[str]) -> Requirement:
    if term["absent"]:
        return Requirement(term["without"], "absent")
    if term["equals"]:
        return Requirement(term["key"], "notin" if term["equals"] == "!=" else "in", frozenset([term["value"]]))
    if term["within"]:
        return Requirement(term["key"], term["within"], frozenset(each.strip() for each in term["values"].split(",")))
    return Requirement(term["key"], "exists")
