"""Where two transcripts differ, field by field, and how that reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from remediator.core.model import Json, Value

ABSENT = "(absent)"


class Entry(Value, frozen=True):
    """One thing that a sequence saw: what was asked, and the projected answer."""

    step: str
    seen: Any


Transcript = list[Entry]


class Difference(Value, frozen=True):
    """One field that is not the same: where, and what each side has."""

    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.where}\n    simulated: {self.expected}\n    real:      {self.found}"


def differences(expected: Sequence[Entry], found: Sequence[Entry]) -> list[Difference]:
    """Every field that differs between two transcripts of one sequence, in the order in which they were seen."""
    result: list[Difference] = []
    for index in range(max(len(expected), len(found))):
        left = expected[index] if index < len(expected) else Entry("", ABSENT)
        right = found[index] if index < len(found) else Entry("", ABSENT)
        if left.step != right.step:
            return [*result, Difference(f"step {index + 1}", left.step or ABSENT, right.step or ABSENT)]
        result += compared(left, right.seen)
    return result


def compared(expected: Entry, seen: Any) -> list[Difference]:
    """The fields of one answer that are not as expected; what only one side has is one difference, not one a field."""
    return list(_between(expected.seen, seen, f"{expected.step}:"))


def _between(left: Any, right: Any, where: str) -> Iterator[Difference]:
    if _refused(left) is not _refused(right):
        yield Difference(where, _outcome(left), _outcome(right))
        return
    if isinstance(left, list) and isinstance(right, list):
        left, right = _named(left, right)
        if list(left) != list(right) and set(left) == set(right):
            yield Difference(f"{where} in order", " ".join(left), " ".join(right))
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys([*left, *right]):
            place = f"{where}{'' if key.startswith('[') else ' ' if where.endswith(':') else '.'}{key}"
            yield from _between(left.get(key, _ABSENT), right.get(key, _ABSENT), place)
    elif (type(left), left) != (type(right), right) and _text(left) != _text(right):  # 0 is not false here
        yield Difference(where, _text(left), _text(right))


_ABSENT = object()


def _refused(seen: Any) -> bool:
    return isinstance(seen, dict) and "error" in seen


def _outcome(seen: Any) -> str:
    return f"{seen['error']}: {seen['message']}" if _refused(seen) else "accepted"


def _text(value: Any) -> str:
    return ABSENT if value is _ABSENT else json.dumps(value, sort_keys=True)


def _named(left: list[Any], right: list[Any]) -> tuple[Json, Json]:
    """Lists as objects: items go by their `name`, `type` or `key` where all on both sides have their own."""
    for key in ("name", "type", "key"):
        if _tell_apart(left, key) and _tell_apart(right, key):
            return {f"[{item[key]}]": item for item in left}, {f"[{item[key]}]": item for item in right}
    return {f"[{at}]": item for at, item in enumerate(left)}, {f"[{at}]": item for at, item in enumerate(right)}


def _tell_apart(items: list[Any], key: str) -> bool:
    names = [item.get(key) for item in items if isinstance(item, dict)]
    return len(items) == len(set(map(str, names))) and None not in names
