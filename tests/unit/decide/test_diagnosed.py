"""The diagnosis in the journal: before the first write, with every escalation, and never a condition of either."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.core.model import Mode, OutcomeStatus
from remediator.core.observations import Looked
from remediator.propose import diagnosis_is_due, wanted_change
from tests.unit.builders import ESCALATE, Story, accepted, at, rule, snapshot
from tests.unit.notify.messages import diagnosis

NAME = "undo-bad-rollout"


def looks(story: Story, seconds: float, found=None):
    """As the shell looks: with a diagnosis where one is due, which may have failed."""
    story.now = at(seconds)
    seen = snapshot()
    seen = replace(seen, facts=replace(seen.facts, taken_at=story.now))
    change = wanted_change(story.state, story.incident, seen, story.now)
    due = diagnosis_is_due(story.state, story.incident, change, story.now)
    return story.see(Looked(story.incident.id, seen, accepted(change), found if due else None))


def kinds(events) -> list[str]:
    return [event.kind for event in events]


def test_it_is_kept_before_the_first_write_and_before_a_person_is_asked():
    story = Story(rule(NAME, "restart", "rollback", ESCALATE))
    story.fires(0)
    assert kinds(looks(story, 1, diagnosis())) == ["diagnosis", "decision", "intent"]
    story.carries(OutcomeStatus.REFUSED, 2)
    assert kinds(looks(story, 3, diagnosis())) == ["decision", "intent"], "the second write has another look"
    story.carries(OutcomeStatus.REFUSED, 4)
    assert kinds(looks(story, 5, diagnosis())) == ["diagnosis", "decision", "escalated", "notice"]
    message = story.all("notice")[-1].message
    assert message.diagnosis == diagnosis()
    assert "web-x: CrashLoopBackOff, exit 1 (Error), 4 restarts" in message.happened
    assert story.incident.diagnosis == diagnosis()


def test_without_it_everything_is_decided_as_with_it():
    told, silent = Story(rule(NAME, "restart", ESCALATE)), Story(rule(NAME, "restart", ESCALATE))
    for story, found in ((told, diagnosis()), (silent, None)):
        story.fires(0)
        looks(story, 1, found)
        story.carries(OutcomeStatus.REFUSED, 2)
        looks(story, 3, found)
    with_it = [event.kind for event in told.journal if event.kind != "diagnosis"]
    assert with_it == [event.kind for event in silent.journal]
    assert silent.all("notice")[-1].message.diagnosis is None


@pytest.mark.parametrize(("mode", "due"), [(Mode.OFF, False), (Mode.OBSERVE, True), (Mode.ENFORCE, True)])
def test_observe_mode_shows_what_would_be_kept(mode, due):
    story = Story(rule(NAME, "restart", mode=mode))
    story.fires(0)
    assert ("diagnosis" in kinds(looks(story, 1, diagnosis()))) is due


def test_a_plan_that_waits_for_approval_shows_how_the_target_stands():
    story = Story(rule(NAME, "restart", ESCALATE, mode=Mode.APPROVE))
    story.fires(0)
    assert kinds(looks(story, 1, diagnosis())) == ["diagnosis", "decision", "notice"]
    assert story.all("notice")[-1].message.diagnosis == diagnosis()


def test_while_the_rule_still_waits_nothing_is_read():
    from remediator.core.rules import When
    from tests.unit.builders import matcher

    story = Story(rule(NAME, "restart", when=When((matcher("alertname", "Stuck"),), 60.0)))
    story.fires(0)
    assert not diagnosis_is_due(story.state, story.incident, None, at(59))
