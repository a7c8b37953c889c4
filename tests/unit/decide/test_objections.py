"""What speaks against an intent between its decision and its write: each thing that may have changed, by its name."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.core.events import Event, Pause, Source
from remediator.core.model import Mode, OutcomeStatus
from remediator.core.observations import Paused
from remediator.core.rules import Until, When
from remediator.core.snapshot import Answer, Facts
from remediator.core.windows import TimeInterval
from remediator.guards import GUARDS
from remediator.objections import AFTER_WAITING, objection
from tests.unit.builders import ESCALATE, Story, at, deployment, matcher, policy, rule, snapshot

NAME = "undo-bad-rollout"


def intended(of=None, **fields) -> Story:
    """A story with an intent that is durable and not written yet."""
    story = Story(of or rule(NAME, "rollback", ESCALATE), **fields)
    story.fires(0)
    story.looks(1)
    return story


def said(story: Story, facts: Facts | None = None, seconds: float = 2) -> str:
    about = story.incident
    in_flight = about.undo or about.intent
    assert in_flight is not None
    return objection(story.state, about.id, in_flight, facts, at(seconds))


def seen(**fields) -> Facts:
    """A fresh look two seconds into the story."""
    return snapshot(taken_at=at(2), **fields).facts


def test_right_after_the_decision_nothing_speaks_against_it():
    assert said(intended()) == ""


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.OBSERVE])
def test_a_lowered_mode_does(mode):
    story = intended()
    story.reload(rule(NAME, "rollback", ESCALATE), policy=policy(mode=mode))
    assert said(story) == f"the mode is {mode} by now"


def test_a_mode_lowered_to_approve_does_unless_this_very_plan_was_approved():
    story = intended()
    story.reload(rule(NAME, "rollback", ESCALATE), policy=policy(mode=Mode.APPROVE))
    assert said(story) == "the mode is approve by now, and nobody has approved it"


def test_a_pause_does():
    story = intended()
    story.see(Paused(Pause("p1", reason="maintenance"), "alice"), 2)
    assert said(story) == "pause: paused by operator:alice: maintenance"


def test_the_end_of_the_window_does():
    story = intended(of=rule(NAME, "rollback", ESCALATE, until=Until(within=600.0)))
    never = policy(time_intervals={"never": (TimeInterval(years=((1999, 1999),)),)})
    never = replace(never, guards=replace(never.guards, active_time_intervals=(("never",),)))
    story.reload(rule(NAME, "rollback", ESCALATE), policy=never)
    assert said(story).startswith("window: ")


def test_a_signal_that_is_gone_does():
    story = intended(of=rule(NAME, "rollback", when=When(rule().when.alert, keep_firing_for=600.0)))
    story.resolves(2)
    assert said(story) == "the signal is gone"


def test_a_signal_that_a_rung_in_vain_may_have_silenced_itself_does_not():
    """The roll-back starts the alert's clock anew: that it is gone does not keep the next rung back."""
    masked = When((matcher("alertname", "KubeDeploymentRolloutStuck"),))
    story = intended(of=rule(NAME, "rollback", "restart", ESCALATE, when=masked, until=Until(within=60.0)))
    story.carries(seconds=2)
    story.resolves(3)
    story.looks(70)
    assert story.incident.step == 1
    story.looks(71)
    assert story.incident.intent is not None
    assert story.incident.intent.action == "restart"
    assert said(story) == ""


def test_a_signal_that_is_not_known_to_stand_any_more_does():
    story = intended()
    story.see_event(Event(at(2), Source("prometheus", False, "no answer"), rule=NAME))
    assert said(story) == "it is not known any more whether the signal stands"


def test_an_intent_that_is_not_the_one_in_flight_does():
    story = intended()
    before = story.incident.intent
    story.carries(OutcomeStatus.CONFLICT, 2)
    assert before is not None
    assert objection(story.state, story.incident.id, before, None, at(3)) == "it is not intended any more"
    assert objection(story.state, "no-such-incident", before, None, at(3)) == "it is not intended any more"


# After a wait, on a fresh look


def test_after_a_wait_a_look_that_shows_the_same_speaks_for_it():
    assert said(intended(), seen()) == ""


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"unknown": "Unavailable: no route"}, "protected"),
        ({"uid": "uid-web-2"}, "confirm: the target was replaced by another object of its name"),
        ({"answers": (Answer("target.revision > 1", False),)}, "confirm: condition does not hold: target.revision > 1"),
        ({"answers": (Answer("value > 1.0", None, "no"),)}, "confirm: condition is unknown: value > 1.0: no"),
        ({"exclude": "true"}, "opt_out: "),
        ({"paused": True}, "rollout: "),
        ({"taken_at": at(-9)}, "confirm: the live read is too old"),
    ],
)
def test_after_a_wait_what_changed_meanwhile_does(fields, why):
    answer = said(intended(), replace(seen(), **fields))
    assert answer.startswith(why) or (why == "protected" and answer)


def test_what_counts_what_is_in_flight_is_not_asked_about_its_own_write():
    """The reservation of this very intent has spent the budget and holds the hand: that is no reason against it."""
    story = intended()
    assert said(story, seen()) == ""
    assert story.state.hands["Deployment/shop/web"] == story.incident.id


COUNTS = {"one_hand", "cooldown", "budget", "namespace_budget", "zone_budget", "global_budget", "max_in_flight"}
COUNTS |= {"global_max_in_flight", "storm", "breaker", "attempts", "flapping", "contention"}
SIBLINGS = {"min_healthy", "last_replica", "disruption_budget", "quorum"}
GRACE = {"startup_grace"}


def test_every_guard_is_asked_again_but_those_that_count_this_very_write_or_cannot_turn():
    """What counts siblings stands on the precondition and the API server's own budgets; grace only ever ends."""
    assert {guard.name for guard in GUARDS} == {guard.name for guard in AFTER_WAITING} | COUNTS | SIBLINGS | GRACE


# Undoing


def undoing() -> Story:
    story = Story(rule(NAME, "rollback", ESCALATE, until=Until(for_=60.0, within=600.0, on_failure="undo")))
    story.fires(0)
    story.looks(1)
    story.carries(OutcomeStatus.APPLIED, 2)
    broken = snapshot(deployment("app:2", ready=0, metadata={"resourceVersion": "101"}))
    story.looks(700, broken)
    assert story.incident.undo is not None
    return story


def test_an_undo_goes_on_through_a_pause_and_without_a_signal_but_not_below_approve():
    story = undoing()
    story.resolves(701)
    story.see(Paused(Pause("p1", reason="maintenance"), "alice"), 702)
    assert said(story, seconds=703) == ""
    story.reload(rule(NAME, "rollback", ESCALATE), policy=policy(mode=Mode.OBSERVE))
    assert said(story, seconds=704) == "the mode is observe by now"
