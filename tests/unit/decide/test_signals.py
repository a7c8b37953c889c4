"""From sightings of alerts to signals said once, and to incidents: one for each rule and owning target."""

from __future__ import annotations

import pytest

from remediator.core.model import CloseReason, Mode, OutcomeStatus, Phase, Target
from remediator.core.observations import Arrived, Ticked
from remediator.core.rules import GuardSettings, When
from remediator.core.state import MAX_SIGNALS
from tests.unit.builders import (
    ESCALATE,
    WEB,
    Story,
    at,
    healthy,
    kinds,
    matcher,
    policy,
    rule,
    sighting,
)

SUCCESSOR = Target("Deployment", "shop", "web", "uid-web-2")


def test_the_first_alert_opens_an_incident_and_its_repetition_says_nothing():
    story = Story()
    assert kinds(story.fires(0)) == ["incident_opened", "signal"]
    assert kinds(story.fires(30)) == []


def test_five_pods_under_two_alert_names_are_one_incident():
    story = Story()
    sightings = [sighting(fingerprint=f"pod-{number}") for number in range(5)]
    sightings += [sighting(fingerprint=f"other-{number}", labels={"alertname": "Other"}) for number in range(5)]
    events = story.see(Arrived(tuple(sightings)), 0)
    assert kinds(events) == ["incident_opened", *["signal"] * 10]
    assert len(story.state.incidents) == 1


def test_one_target_under_two_rules_is_two_incidents():
    story = Story(rule("one"), rule("two"))
    story.fires(0, rule="one")
    story.fires(0, rule="two")
    assert len(story.state.incidents) == 2


def test_a_fire_again_with_a_new_start_is_the_same_incident():
    story = Story()
    story.fires(0)
    before = story.incident.id
    assert story.fires(10, starts_at=at(10)) == ()
    story.resolves(20)
    story.fires(20, starts_at=at(20))
    assert story.incident.id == before


def test_an_alert_without_a_target_is_said_once_until_it_ends():
    story = Story()
    nowhere = {"target": None, "reason": "no such label"}
    assert [event.data.status for event in story.fires(0, **nowhere)] == ["unresolved"]
    assert story.fires(30, **nowhere) == ()
    assert [event.data.status for event in story.resolves(60, target=None)] == ["resolved"]
    assert kinds(story.fires(90, **nowhere)) == ["signal"]
    assert len(story.state.incidents) == 0


def test_an_alert_whose_target_is_found_later_opens_its_incident_then():
    story = Story()
    story.fires(0, target=None)
    assert kinds(story.fires(30)) == ["incident_opened", "signal"]
    assert story.resolves(60)
    assert story.resolves(60) == ()


def test_what_cannot_be_used_is_said_once():
    story = Story()
    unusable = Arrived((sighting("skipped", "hash-of-reason", rule="", target=None, reason="it has no labels"),))
    assert kinds(story.see(unusable, 0)) == ["signal"]
    assert story.see(unusable, 10) == ()
    assert len(story.state.incidents) == 0


def test_an_end_of_something_never_seen_says_nothing():
    assert Story().resolves(0) == ()


def test_an_alert_of_a_rule_that_was_removed_on_the_way_is_nobodys():
    story = Story()
    story.reload(rule("another"))
    assert story.fires(1) == ()
    assert story.resolves(1) == ()


# for and keep_firing_for


@pytest.mark.parametrize(("seconds", "acts"), [(0, False), (119.999999, False), (120, True), (121, True)])
def test_evidence_must_last_for_the_rules_for_inclusively(seconds, acts):
    story = Story(rule(when=When((matcher("alertname", "Stuck"),), for_=120.0)))
    story.fires(0)
    story.looks(seconds)
    assert bool(story.all("intent")) is acts
    assert story.again_at == (None if acts else at(120))


@pytest.mark.parametrize(("seconds", "closes"), [(100, False), (159.999999, False), (160, True), (161, True)])
def test_absence_must_last_for_keep_firing_for_inclusively(seconds, closes):
    story = Story(rule(when=When((matcher("alertname", "Stuck"),), for_=600.0, keep_firing_for=60.0)))
    story.fires(0)
    story.resolves(100)
    story.see(Ticked(story.incident.id), seconds)
    assert bool(story.closed) is closes


def test_evidence_that_comes_back_in_time_is_continuous():
    story = Story(rule(when=When((matcher("alertname", "Stuck"),), for_=120.0, keep_firing_for=60.0)))
    story.fires(0)
    story.resolves(100)
    story.fires(159)
    story.looks(160)
    assert story.all("intent")


@pytest.mark.parametrize("keep", [0.0, 60.0])
def test_evidence_that_comes_back_too_late_begins_anew_also_where_nobody_was_there_to_close(keep):
    """The process was down, or the tick late: an hour without evidence is no evidence for an hour."""
    story = Story(rule(when=When((matcher("alertname", "Stuck"),), for_=120.0, keep_firing_for=keep)))
    story.fires(0)
    story.resolves(10)
    story.fires(3600)
    story.looks(3719)
    assert not story.all("intent")
    story.looks(3720)
    assert story.all("intent")


def test_an_incident_clears_when_the_last_of_its_alerts_has_ended():
    story = Story()
    story.fires(0, "a")
    story.fires(0, "b")
    story.resolves(10, "a")
    assert story.incident.cleared_at is None
    story.resolves(20, "b")
    assert story.incident.cleared_at == at(20)


def test_an_incident_whose_signals_clear_before_anything_was_done_is_resolved():
    story = Story()
    story.fires(0)
    story.resolves(10)
    story.see(Ticked(story.incident.id), 10)
    assert story.closed == ["resolved"]
    assert len(story.state.told) == 0


def test_a_look_under_way_while_the_signals_clear_closes_and_wakes_nobody():
    story = Story(rule("undo-bad-rollout", "restart", ESCALATE))
    story.fires(0)
    story.resolves(10)
    assert kinds(story.looks(11)) == ["incident_closed"]
    assert story.closed == ["resolved"]


def test_a_look_under_way_while_absence_is_not_proven_yet_decides_nothing():
    when = When((matcher("alertname", "Stuck"),), keep_firing_for=60.0)
    story = Story(rule("undo-bad-rollout", "restart", ESCALATE, when=when))
    story.fires(0)
    story.resolves(10)
    assert story.looks(11) == ()
    assert story.again_at == at(70)


# Many alerts


def test_more_alerts_than_are_kept_say_nothing_and_lose_nothing():
    story = Story()
    for number in range(MAX_SIGNALS + 5):
        story.fires(0, f"pod-{number}")
    assert len(story.all("signal")) == MAX_SIGNALS
    for number in range(MAX_SIGNALS + 5):
        assert story.fires(30, f"pod-{number}") == (), "a repetition of all of them says nothing"
    assert len(story.state.told) == MAX_SIGNALS


def test_of_crashing_pods_those_that_ended_make_room_for_their_successors():
    story = Story()
    for number in range(3 * MAX_SIGNALS):
        story.fires(number, f"pod-{number}")
        story.resolves(number, f"pod-{number - 1}")
    assert len(story.incident.signals) == MAX_SIGNALS
    assert story.incident.cleared_at is None
    assert len(story.state.told) == 1


# After an incident


def recovered(cooldown: float = 1800.0) -> Story:
    """A story whose incident recovered at 100 s."""
    story = Story(policy=policy(guards=GuardSettings(cooldown=cooldown)))
    story.fires(0)
    story.looks(1)
    story.carries(OutcomeStatus.APPLIED, 2)
    story.looks(40, healthy())
    story.looks(100, healthy())
    assert story.closed == ["recovered"]
    return story


@pytest.mark.parametrize(
    ("seconds", "fields", "opens", "why"),
    [
        (101, {}, False, "an echo of the cured incident: increase() and repeat_interval keep it firing"),
        (1899.999999, {}, False, "still within the cooldown"),
        (1900, {}, True, "the cooldown is over: it may be true again"),
        (101, {"starts_at": at(101)}, True, "a new start is a new incident; the cooldown guard still holds it"),
        (101, {"fingerprint": "another"}, True, "another alert is no echo"),
        (101, {"target": Target("Deployment", "shop", "other")}, True, "another target"),
    ],
)
def test_the_echo_of_a_cured_incident_opens_no_other_within_the_cooldown(seconds, fields, opens, why):
    story = recovered()
    assert bool(story.fires(seconds, **fields)) is opens, why


@pytest.mark.parametrize("reason", [CloseReason.RESOLVED, CloseReason.FAILED, CloseReason.REFUSED])
def test_only_a_cure_has_an_echo(reason):
    """What was not cured and fires again is open again."""
    story = Story(rule("undo-bad-rollout", mode={CloseReason.REFUSED: Mode.OFF}.get(reason, Mode.ENFORCE)))
    story.fires(0)
    if reason is not CloseReason.RESOLVED:
        story.looks(1)
    if reason is CloseReason.FAILED:
        story.carries(OutcomeStatus.REFUSED, 2)
    story.resolves(3)
    story.see(Ticked(story.incident.id), 3)
    assert story.closed == [reason]
    assert kinds(story.fires(4)) == ["incident_opened", "signal"]


def test_two_incidents_within_one_instant_have_ids_of_their_own():
    """Ids of writes are made from it: the second must not find the first one's mark in the cluster."""
    story = Story()
    story.fires(0)
    first = story.incident.id
    story.resolves(0)
    story.see(Ticked(first), 0)
    story.fires(0, starts_at=at(1))
    assert story.incident.id != first


def test_a_successor_of_the_target_is_a_new_incident_where_the_old_one_rests():
    story = Story(rule(mode=Mode.OFF))
    story.fires(0)
    story.looks(1)
    assert story.incident.phase is Phase.RESTING
    assert kinds(story.fires(10, "new-pod", target=SUCCESSOR)) == ["incident_closed", "incident_opened", "signal"]
    assert story.closed == ["cancelled"]
    assert story.incident.target == SUCCESSOR


def test_a_sighting_of_the_same_object_leaves_a_resting_incident_alone():
    story = Story(rule(mode=Mode.OFF))
    story.fires(0)
    story.looks(1)
    assert kinds(story.fires(10, "new-pod", target=WEB)) == ["signal"]
