"""Few choices out of many in which every two that go together are together once: a covering array of strength two."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def pairwise(choices: Mapping[str, Sequence[T]]) -> Iterator[dict[str, T]]:
    """Rows that take one value of each choice. Always the same ones: the first pair left, then what covers most."""
    names = list(choices)
    left = {
        (a, i, b, j)
        for a, b in itertools.combinations(names, 2)
        for i in range(len(choices[a]))
        for j in range(len(choices[b]))
    }
    while left:
        a, i, b, j = min(left)
        row = {a: i, b: j}
        for name in names:
            if name not in row:
                row[name] = max(range(len(choices[name])), key=lambda value: _covered(row | {name: value}, names, left))
        left -= set(_pairs(row, names))
        yield {name: choices[name][row[name]] for name in names}


def _pairs(row: Mapping[str, int], names: Sequence[str]) -> Iterator[tuple[str, int, str, int]]:
    for a, b in itertools.combinations([name for name in names if name in row], 2):
        yield a, row[a], b, row[b]


def _covered(row: Mapping[str, int], names: Sequence[str], left: set[tuple[str, int, str, int]]) -> int:
    return sum(pair in left for pair in _pairs(row, names))
