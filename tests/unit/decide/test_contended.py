"""Somebody else takes our change back: once it is made again, the second time it is left and a person is told."""

from __future__ import annotations

from remediator.core.model import CloseReason, OutcomeStatus, Phase
from tests.unit.builders import ESCALATE, Story, kinds, rule, snapshot

NAME = "undo-bad-rollout"


def acted(story: Story, second: float) -> None:
    assert kinds(story.looks(second)) == ["decision", "intent"]
    story.carries(OutcomeStatus.APPLIED, second + 1)


def test_a_change_that_is_taken_back_once_is_made_again():
    story = Story(rule(NAME, "rollback", "restart", ESCALATE))
    story.fires(0)
    acted(story, 1)
    (verification,) = (event.data for event in story.looks(10, snapshot(kept=False)))
    assert (verification.result, verification.then) == ("failed", "again")
    assert (story.incident.phase, story.incident.step) == (Phase.PENDING, 0)
    acted(story, 20)
    assert story.incident.phase is Phase.VERIFYING


def test_taken_back_twice_it_is_contended_and_no_other_rung_writes_either():
    story = Story(rule(NAME, "rollback", "restart", ESCALATE))
    story.fires(0)
    for second in (1, 20):
        acted(story, second)
        story.looks(second + 5, snapshot(kept=False))
    assert story.incident.cause is CloseReason.CONTENDED
    assert story.incident.step == 2
    assert kinds(story.looks(40)) == ["decision", "escalated"]
    assert story.all("escalated")[0].reason == "somebody else took the change back"


def test_what_cannot_be_told_is_not_held_against_anybody():
    story = Story(rule(NAME, "rollback", ESCALATE))
    story.fires(0)
    acted(story, 1)
    assert [each.data.result for each in story.looks(10, snapshot(kept=None))] == ["not_yet"]
