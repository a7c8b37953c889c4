"""A covering array has every pair, and far fewer rows than there are combinations."""

from __future__ import annotations

import itertools

from tests.lab.covering import pairwise


def test_every_two_values_are_together_once() -> None:
    choices = {"a": [1, 2, 3], "b": [1, 2], "c": [1, 2, 3, 4], "d": [1, 2]}
    rows = list(pairwise(choices))
    for a, b in itertools.combinations(choices, 2):
        assert {(row[a], row[b]) for row in rows} == set(itertools.product(choices[a], choices[b]))
    assert len(rows) < 20
