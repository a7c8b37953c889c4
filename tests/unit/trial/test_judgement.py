"""What was expected beside what came: every difference is found, and stands where it belongs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediator.trial.facts import Fact
from remediator.trial.judgement import aligned, fits, unlike


def fact(at: float = 60.0, place: int = 0, **fields: Any) -> Fact:
    return Fact(at, place, fields)


VERDICTS = {
    "cooldown": {"verdict": "hold", "reason": "30 minutes since the last"},
    "pause": {"verdict": "allow", "reason": ""},
}


@pytest.mark.parametrize(
    ("expected", "fitting"),
    [
        ({}, True),
        ({"rule": "r"}, True),
        ({"rule": "s"}, False),
        ({"target": "Node/n1"}, False),
        ({"at": 60.0}, True),
        ({"at": 61.0}, False),
        ({"after": 60.0, "by": 60.0}, True),
        ({"after": 60.1}, False),
        ({"by": 59.9}, False),
        ({"detail": "minutes"}, True),
        ({"detail": "hours"}, False),
        ({"verdicts": {"cooldown": {"verdict": "hold"}}}, True),
        ({"verdicts": {"cooldown": {"verdict": "hold", "reason": "since"}}}, True),
        ({"verdicts": {"cooldown": {"verdict": "hold", "reason": "until"}}}, False),
        ({"verdicts": {"cooldown": {"verdict": "deny"}}}, False),
        ({"verdicts": {"budget": {"verdict": "allow"}}}, False),
        ({"with": {"spec": {"replicas": 3}}}, True),
        ({"with": {"spec": {"replicas": 4}}}, False),
    ],
)
def test_a_fact_is_as_expected_in_every_field_that_is_written(expected: dict[str, Any], fitting: bool) -> None:
    got = fact(
        rule="r", detail="for 3 minutes", verdicts=VERDICTS, **{"with": {"spec": {"replicas": 3, "paused": True}}}
    )
    assert fits(expected, got) is fitting


@pytest.mark.parametrize(
    ("expected", "got", "where"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["a.b"]),
        ({"a": {"b": 1}}, {"a": None}, ["a"]),
        ({"a": {"b": 1}}, {}, ["a"]),
        ([{"a": 1}], [{"a": 1, "b": 2}], []),
        ({"a": [{"b": 1}, {"c": 1}]}, {"a": [{"b": 1}, {"c": 2}]}, ["a[1].c"]),
        ([1], [1, 2], [""]),
        ({"a": True}, {"a": 1}, ["a"]),
        ({"a": None}, {}, []),
    ],
)
def test_of_mappings_what_is_written_counts_and_lists_are_whole(expected: Any, got: Any, where: list[str]) -> None:
    assert [path for path, _, _ in unlike(expected, got)] == where


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abc"), max_size=6))
def test_alignment_leaves_nothing_out_keeps_order_and_matches_only_what_fits(
    wanted: list[str], came: list[str]
) -> None:
    expected, got = [{"rule": each} for each in wanted], [fact(rule=each) for each in came]
    pairs = aligned(expected, got)
    assert [one for one, _ in pairs if one is not None] == expected
    assert [other for _, other in pairs if other is not None] == got
    assert all(fits(one, other) for one, other in pairs if one is not None and other is not None)
    assert all(one is not None or other is not None for one, other in pairs)
    if wanted == came:
        assert all(one is not None and other is not None for one, other in pairs)


def test_as_many_as_possible_are_matched() -> None:
    expected, got = [{"rule": each} for each in "abcd"], [fact(rule=each) for each in "bxcd"]
    both = [one["rule"] for one, other in aligned(expected, got) if one is not None and other is not None]
    assert both == ["b", "c", "d"]
