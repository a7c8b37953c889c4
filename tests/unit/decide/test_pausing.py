"""Pause and resume: what an operator says becomes events, and nobody lifts what somebody else meant."""

from __future__ import annotations

import pytest

from remediator.core.events import Pause
from remediator.core.memory import Standing
from remediator.core.observations import Paused
from remediator.core.state import State
from remediator.pausing import MAX_PAUSES, paused
from tests.unit.builders import START, Story, at, kinds

RULE = "undo-bad-rollout"


def says(story: Story, seconds: float = 1, by: str = "alice", **pause) -> tuple:
    return story.see(Paused(Pause(pause.pop("id", ""), **pause), by), seconds)


def test_a_pause_is_journalled_with_who_why_and_until_when():
    story = Story()
    (event,) = says(story, namespace="shop", reason="migration", until=at(60))
    assert (event.kind, event.actor) == ("pause", "operator:alice")
    assert (event.data.namespace, event.data.reason, event.data.until) == ("shop", "migration", at(60))
    assert list(story.state.pauses) == [event.data.id]
    assert len(event.data.id) == 8


def test_the_same_word_twice_is_two_pauses():
    story = Story()
    says(story, 1)
    says(story, 2)
    assert len(story.state.pauses) == 2


def test_one_that_has_ended_already_is_none():
    assert says(Story(), 10, until=at(10)) == ()


@pytest.mark.parametrize(
    ("resume", "left"),
    [
        ({}, {"r", "n", "rn"}),
        ({"rule": RULE}, {"all", "also", "n", "rn"}),
        ({"namespace": "shop"}, {"all", "also", "r", "rn"}),
        ({"rule": RULE, "namespace": "shop"}, {"all", "also", "r", "n"}),
        ({"namespace": "cart"}, {"all", "also", "r", "n", "rn"}),
        ({"id": "also"}, {"all", "r", "n", "rn"}),
        ({"id": "unknown"}, {"all", "also", "r", "n", "rn"}),
    ],
)
def test_a_resume_lifts_what_it_names_or_all_of_exactly_its_scope(resume, left):
    story = Story()
    given = {
        "all": {},
        "also": {},
        "r": {"rule": RULE},
        "n": {"namespace": "shop"},
        "rn": {"rule": RULE, "namespace": "shop"},
    }
    for key, scope in given.items():
        says(story, id=key, **scope)
    says(story, 2, "bob", lifted=True, **resume)
    assert set(story.state.pauses) == left


def test_resuming_a_rule_is_said_even_where_no_pause_stands():
    """It acknowledges the rule's breakers."""
    story = Story()
    assert kinds(says(story, rule=RULE, lifted=True)) == ["pause"]
    assert says(story, namespace="shop", lifted=True) == ()


def test_there_is_an_end_to_pauses():
    standing = {str(each): Standing(Pause(str(each)), "operator:loop", START) for each in range(MAX_PAUSES)}
    journal = State(pauses=State().pauses.update(standing))
    assert paused(journal, Paused(Pause(""), "loop"), START) == ()
    assert len(paused(journal, Paused(Pause("", lifted=True), "loop"), START)) == MAX_PAUSES
