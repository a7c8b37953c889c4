"""Rules and settings that change while incidents are open."""

from __future__ import annotations

import pytest

from remediator.core.model import Mode, OutcomeStatus, Phase
from remediator.core.observations import Reloaded, Ticked
from remediator.core.rules import When
from tests.unit.builders import ESCALATE, Story, kinds, matcher, policy, rule, snapshot

NAME = "undo-bad-rollout"


def test_a_reload_says_what_changed_and_nothing_where_nothing_did():
    story = Story(rule("one"), rule("two"))
    assert story.reload(rule("one"), rule("two")) == ()
    story.reload(rule("one", "rollback"), rule("three"))
    changed = story.all("rules")[-1]
    assert ([each.name for each in changed.changed], changed.removed) == (["one", "three"], ("two",))
    assert set(story.state.rules) == {"one", "three"}


def test_changed_settings_alone_are_said_too():
    story = Story(rule("one"))
    assert kinds(story.reload(rule("one"), policy=policy(mode=Mode.OFF))) == ["rules"]
    assert story.state.policy.mode is Mode.OFF


def test_a_bad_file_is_said_and_never_replaces_a_good_one():
    story = Story()
    before = story.state
    (event,) = story.see(Reloaded(policy(), (), "rules.yaml:3:5 groups[0]: unknown key"))
    assert event.data.error == "rules.yaml:3:5 groups[0]: unknown key"
    assert story.state == before


# A rule that is removed


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.RESTING, Phase.ESCALATING])
def test_what_waits_ends_with_its_rule(phase):
    ladder = {"resting": rule(NAME, mode=Mode.OFF), "escalating": rule(NAME, ESCALATE)}.get(phase, rule(NAME))
    story = Story(ladder)
    story.fires(0)
    if phase is not Phase.PENDING:
        story.looks(1)
    assert story.incident.phase is phase
    assert kinds(story.reload(rule("another"), seconds=2)) == ["rules", "incident_closed"]
    assert story.closed == ["cancelled"]


def test_what_is_in_hand_is_verified_to_its_end_and_no_further_step_is_done():
    story = Story(rule(NAME, "restart", "rollback", ESCALATE))
    story.fires(0)
    story.looks(1)
    assert kinds(story.reload(rule("another"), seconds=2)) == ["rules"]
    story.carries(OutcomeStatus.APPLIED, 3)
    story.looks(603)
    story.looks(604)
    assert [each.action for each in story.all("intent")] == ["restart"]
    story.looks(605)
    assert story.incident.phase is Phase.ESCALATING, "that it failed is told all the same"
    story.tells(seconds=606)
    story.see(Ticked(story.incident.id), 607)
    assert story.closed == ["failed"]


def test_a_rule_that_comes_back_starts_anew():
    story = Story()
    story.fires(0)
    story.reload(rule("another"))
    story.reload(rule(NAME))
    assert kinds(story.fires(1)) == ["incident_opened", "signal"]


# A rule that is edited


def test_what_is_pending_follows_the_new_form():
    story = Story(rule(NAME, "restart", mode=Mode.OBSERVE))
    story.fires(0)
    story.reload(rule(NAME, "rollback"), seconds=1)
    story.looks(2)
    assert [each.action for each in story.all("intent")] == ["rollback"]
    assert story.incident.phase is Phase.ACTING


def test_what_is_held_is_decided_and_said_anew():
    story = Story()
    story.fires(0)
    story.looks(1, snapshot(paused=True))
    story.reload(rule(NAME, "rollback"), seconds=2)
    assert kinds(story.looks(3, snapshot(paused=True))) == ["decision"]


def test_what_is_in_hand_ends_under_the_old_form_and_goes_on_under_the_new_one():
    story = Story(rule(NAME, "restart", "restart"))
    story.fires(0)
    story.looks(1)
    story.reload(rule(NAME, "restart", "rollback"), seconds=2)
    assert [step.action for step in story.incident.definition.do] == ["restart", "restart"]
    story.carries(OutcomeStatus.REFUSED, 3)
    story.looks(4)
    assert [each.action for each in story.all("intent")] == ["restart", "rollback"]


@pytest.mark.parametrize("lowered", [Mode.OFF, Mode.OBSERVE])
def test_a_mode_that_is_lowered_while_in_hand_holds_from_the_next_step_on(lowered):
    story = Story(rule(NAME, "restart", "rollback"))
    story.fires(0)
    story.looks(1)
    story.reload(rule(NAME, "restart", "rollback", mode=lowered), seconds=2)
    story.carries(OutcomeStatus.REFUSED, 3)
    story.looks(4)
    assert story.incident.phase is Phase.RESTING
    assert [each.status for each in story.all("outcome")][1:] in ([], [OutcomeStatus.REHEARSED])


def test_a_ladder_that_became_shorter_than_the_step_it_is_at_has_ended():
    story = Story(rule(NAME, "restart", "rollback", ESCALATE))
    story.fires(0)
    story.looks(1)
    story.carries(OutcomeStatus.REFUSED, 2)
    story.reload(rule(NAME, "restart"), seconds=3)
    assert (story.incident.phase, story.incident.step) == (Phase.RESTING, 0)
    assert story.looks(4) == ()


NARROWER = rule(NAME, when=When((matcher("alertname", "Stuck"), matcher("pod", "b"))))


def test_alerts_that_the_rule_does_not_speak_of_any_more_are_no_evidence():
    story = Story()
    story.fires(0, "a")
    story.reload(NARROWER, seconds=1)
    assert story.incident.cleared_at is not None
    assert len(story.state.told) == 0
    assert kinds(story.looks(2)) == ["incident_closed"]
    assert (story.closed, story.all("intent")) == (["resolved"], [])


def test_alerts_that_it_still_speaks_of_stay():
    story = Story()
    story.fires(0, "a")
    story.fires(0, "b")
    story.reload(NARROWER, seconds=1)
    assert [seen.fingerprint for seen in story.incident.signals] == ["b"]
    story.looks(2)
    assert story.all("intent")


def test_an_alert_that_the_edited_rule_speaks_of_again_joins_again():
    story = Story()
    story.fires(0, "a")
    story.reload(NARROWER, seconds=1)
    story.reload(rule(NAME), seconds=2)
    assert kinds(story.fires(3, "a")) == ["signal"]
    assert story.incident.cleared_at is None
