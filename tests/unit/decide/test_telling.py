"""A ladder that begins by telling a person: the rule's conditions and durations hold for it as for any other step."""

from __future__ import annotations

import pytest

from remediator.core.model import OutcomeStatus, Phase
from remediator.core.observations import Ticked
from remediator.core.rules import When
from remediator.core.snapshot import Answer
from tests.unit.builders import ESCALATE, Story, at, kinds, matcher, rule, snapshot, unknown

NAME = "undo-bad-rollout"
CONDITION = "target.revision > 1"
STUCK = (matcher("alertname", "Stuck"),)


def telling(*before, **fields) -> Story:
    story = Story(rule(NAME, *before, ESCALATE, **({"conditions": (CONDITION,)} | fields)))
    story.fires(0)
    return story


def seen(holds: bool | None, **fields):
    return snapshot(answers=(Answer(CONDITION, holds, "no revision" if holds is None else ""),), **fields)


def test_where_its_condition_holds_a_person_is_told():
    story = telling()
    assert kinds(story.looks(1, seen(True))) == ["decision", "escalated"]
    assert [each.guard for each in story.all("decision")[0].verdicts] == ["confirm"]


@pytest.mark.parametrize("holds", [False, None])
def test_where_its_condition_does_not_hold_or_is_unknown_nobody_is_told_and_that_is_said_once(holds):
    story = telling()
    assert kinds(story.looks(1, seen(holds))) == ["decision"]
    assert (story.all("decision")[0].result, story.incident.phase) == ("hold", Phase.PENDING)
    assert story.again_at == at(16)
    assert story.looks(16, seen(holds)) == ()
    assert kinds(story.looks(31, seen(True))) == ["decision", "escalated"]


def test_a_rule_without_conditions_tells_although_the_target_cannot_be_read():
    story = telling(conditions=())
    assert kinds(story.looks(1, unknown())) == ["decision", "escalated"]


def test_a_rule_with_conditions_does_not_tell_of_what_cannot_be_read():
    story = telling()
    assert kinds(story.looks(1, unknown())) == ["decision"]
    assert story.all("decision")[0].result == "hold"


def test_a_refused_step_leads_to_a_person_only_while_the_conditions_hold():
    story = telling("rollback")
    story.looks(1, seen(False, revision=1))
    story.looks(2, seen(False, revision=1))
    assert story.all("escalated") == []
    story.looks(3, seen(True, revision=1))
    story.looks(4, seen(True, revision=1))
    assert [each.status for each in story.all("escalated")] == ["requested"]


def test_what_was_tried_in_vain_is_told_whatever_the_conditions_say_now():
    story = telling("restart")
    story.looks(1, seen(True))
    story.carries(OutcomeStatus.APPLIED, 2)
    story.looks(602, seen(False))
    assert kinds(story.looks(603, seen(False))) == ["decision", "escalated"]


# `for` and `keep_firing_for`


def test_an_alert_that_is_gone_for_a_moment_tells_nobody_until_it_is_back():
    story = telling(conditions=(), when=When(STUCK, keep_firing_for=60.0))
    story.resolves(1)
    assert story.looks(2) == ()
    assert story.again_at == at(61)
    story.fires(30)
    assert kinds(story.looks(31)) == ["decision", "escalated"]


def test_an_alert_that_is_gone_for_keep_firing_for_closes_without_a_word():
    story = telling(conditions=(), when=When(STUCK, keep_firing_for=60.0))
    story.resolves(1)
    story.see(Ticked(story.incident.id), 61)
    assert (story.closed, story.all("escalated")) == (["resolved"], [])


def test_for_is_waited_for_as_by_any_other_step():
    story = telling(conditions=(), when=When(STUCK, for_=120.0, keep_firing_for=60.0))
    story.resolves(110)
    assert story.looks(125) == ()
    story.fires(130)
    assert kinds(story.looks(131)) == ["decision", "escalated"]
