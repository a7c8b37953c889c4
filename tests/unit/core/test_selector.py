"""Label selectors as rules write them: what they mean, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediator.core.selector import SelectorError, matches, requirements
from remediator.simulation import selectors

WEB = {"app": "web", "tier": "front", "app.kubernetes.io/name": "web", "empty": ""}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("app=web", True),
        ("app==web", True),
        ("app=api", False),
        ("app!=api", True),
        ("app!=web", False),
        ("other!=web", True),  # as in the API: a missing label is not that value
        ("tier in (front, back)", True),
        ("tier in (back)", False),
        ("tier notin (back)", True),
        ("other notin (back)", True),
        ("app", True),
        ("other", False),
        ("!other", True),
        ("! app", False),
        ("app=web,tier=front", True),
        ("app=web, tier=back", False),
        ("app.kubernetes.io/name=web", True),
        ("empty=", True),
        ("in=x", False),
    ],
)
def test_what_a_selector_means(text: str, holds: bool) -> None:
    assert matches(text, WEB) is holds


def test_none_given_is_all_that_was_asked_for() -> None:
    assert matches("", WEB)


@pytest.mark.parametrize(
    ("text", "offset"),
    [("", 0), (" ", 0), ("app=web,", 0), ("app=web,,tier=a", 8), ("-app", 0), ("tier in front", 0), ("a>1", 0)],
)
def test_what_is_no_selector_and_where(text: str, offset: int) -> None:
    with pytest.raises(SelectorError) as error:
        requirements(text)
    assert error.value.offset == offset


WORDS = st.sampled_from(["a", "b", "c-d", "e.f/g"])
TERMS = st.one_of(
    WORDS,
    st.builds("!{}".format, WORDS),
    st.builds("{}{}{}".format, WORDS, st.sampled_from(["=", "==", "!="]), st.sampled_from(["", "x", "y"])),
    st.builds("{} {} ({},{})".format, WORDS, st.sampled_from(["in", "notin"]), st.just("x"), st.sampled_from("yz")),
)


@given(st.lists(TERMS, min_size=1, max_size=3), st.dictionaries(WORDS, st.sampled_from(["", "x", "y", "z"])))
def test_it_means_what_it_means_to_the_api_server(terms: list[str], labels: dict[str, str]) -> None:
    text = ",".join(terms)
    assert matches(text, labels) is selectors.parsed(text)(labels)
