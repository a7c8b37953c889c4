"""The ladder: step after step where one is denied or did not help, at last a person, and what the end is called."""

from __future__ import annotations

import pytest

from remediator.core.histories import history
from remediator.core.model import Mode, OutcomeStatus, Phase, Target
from remediator.core.observations import Ticked
from remediator.core.rules import GuardSettings, Protected, Step
from remediator.core.snapshot import Answer
from tests.unit.builders import (
    ESCALATE,
    Story,
    at,
    deployment,
    gone,
    healthy,
    kinds,
    policy,
    replica_set,
    rule,
    snapshot,
    unknown,
)

NAME = "undo-bad-rollout"
FULL = rule(NAME, "rollback", "restart", ESCALATE)


def first_revision():
    """A Deployment that has nothing to go back to."""
    seen = snapshot(deployment(ready=0, metadata={"annotations": {"deployment.kubernetes.io/revision": "1"}}))
    return type(seen)(seen.facts, seen.live, history(seen.live, (replica_set(1),)))


def test_the_whole_way_from_the_alert_to_recovery():
    story = Story(FULL)
    assert kinds(story.fires(0)) == ["incident_opened", "signal"]
    assert story.incident.phase is Phase.PENDING
    assert kinds(story.looks(1)) == ["decision", "intent"]
    assert story.incident.phase is Phase.ACTING
    assert kinds(story.carries(OutcomeStatus.APPLIED, 2)) == ["outcome"]
    assert story.incident.phase is Phase.VERIFYING
    assert kinds(story.looks(3)) == ["verification"]
    assert kinds(story.looks(30, healthy())) == ["verification"]
    assert kinds(story.looks(90, healthy())) == ["incident_closed"]
    assert story.closed == ["recovered"]


def test_a_refused_step_gives_way_to_the_next_and_its_reason_stays():
    story = Story(FULL)
    story.fires(0)
    assert kinds(story.looks(1, first_revision())) == ["decision"]
    (decision,) = story.all("decision")
    assert (decision.result, decision.then, decision.step) == ("deny", "next", 0)
    assert story.incident.step == 1
    assert story.incident.detail == "no earlier revision to go back to: revision 1 is the only one in the history"
    story.looks(2, first_revision())
    assert [each.action for each in story.all("intent")] == ["restart"]


def test_what_a_step_would_refuse_does_not_count_while_the_rule_does_not_speak_of_the_target():
    """The condition may hold in a moment, and then the step may be possible too: its rung is not lost meanwhile."""
    story = Story(rule(NAME, "rollout_resume", ESCALATE, conditions=("target.paused",)))
    story.fires(0)
    story.looks(1, snapshot(answers=(Answer("target.paused", False),)))
    assert (story.incident.step, story.incident.said.result) == (0, "hold")
    story.looks(20, snapshot(answers=(Answer("target.paused", True),)))
    assert (story.incident.step, story.incident.said.result) == (1, "deny")


def test_first_revision_and_nothing_else_to_do_a_person_is_told_why():
    story = Story(rule(NAME, "rollback", ESCALATE))
    story.fires(0)
    story.looks(1, first_revision())
    assert kinds(story.looks(2, first_revision())) == ["decision", "escalated"]
    assert story.incident.phase is Phase.ESCALATING
    told = story.incident.escalation
    assert (told.receiver, told.status, told.cause) == ("oncall", "requested", "refused")
    assert told.reason == "no earlier revision to go back to: revision 1 is the only one in the history"


def test_told_then_resting_then_closed_with_the_cause_when_the_signals_clear():
    story = Story(rule(NAME, "rollback", ESCALATE))
    story.fires(0)
    story.looks(1, first_revision())
    story.looks(2, first_revision())
    assert kinds(story.tells(seconds=3)) == ["escalated"]
    assert story.incident.phase is Phase.RESTING
    assert story.see(Ticked(story.incident.id), 4) == (), "the alert still fires"
    story.resolves(100)
    assert kinds(story.see(Ticked(story.incident.id), 100)) == ["incident_closed"]
    assert story.closed == ["refused"]


def test_a_message_that_is_not_delivered_is_said_once_and_its_reason_stays_clean():
    story = Story(rule(NAME, ESCALATE))
    story.fires(0)
    story.looks(1)
    reason = story.incident.escalation.reason
    assert kinds(story.tells("503", 2)) == ["escalated"]
    assert story.incident.escalation.status == "undelivered"
    assert story.incident.escalation.problem == "503"
    assert story.tells("503 again", 3) == ()
    assert story.incident.phase is Phase.ESCALATING
    story.tells(seconds=4)
    assert [each.status for each in story.all("escalated")] == ["requested", "undelivered", "delivered"]
    assert {each.reason for each in story.all("escalated")} == {reason}
    assert story.incident.escalation.problem == ""


def test_a_late_answer_of_the_receiver_is_ignored():
    story = Story(rule(NAME, ESCALATE))
    story.fires(0)
    story.looks(1)
    story.tells(seconds=2)
    assert story.tells(seconds=3) == ()
    assert story.tells("503", 3) == ()


def test_a_ladder_without_a_person_rests_at_its_end():
    story = Story(rule(NAME, "rollback"))
    story.fires(0)
    story.looks(1, first_revision())
    assert story.incident.phase is Phase.RESTING
    assert story.looks(2, first_revision()) == ()
    story.resolves(3)
    story.see(Ticked(story.incident.id), 3)
    assert story.closed == ["refused"]


def test_what_failed_is_told_although_the_signals_have_cleared():
    """The alert went quiet, perhaps because of what we did; somebody still has to know that it did not help."""
    story = Story(rule(NAME, "restart", ESCALATE))
    story.fires(0)
    story.looks(1)
    story.carries(OutcomeStatus.APPLIED, 2)
    story.resolves(10)
    story.looks(602)
    assert (story.incident.phase, story.incident.owes_an_answer) == (Phase.PENDING, True)
    assert story.see(Ticked(story.incident.id), 603) == ()
    story.looks(604)
    story.tells(seconds=605)
    story.see(Ticked(story.incident.id), 606)
    assert story.closed == ["failed"]


def test_what_was_refused_and_went_away_by_itself_wakes_nobody():
    held = policy(guards=GuardSettings(cooldown=3600.0))
    story = Story(rule("other"), rule(NAME, "rollback", "restart", ESCALATE), policy=held)
    story.fires(0, rule="other")
    story.looks(1)
    story.carries(OutcomeStatus.REFUSED, 2)
    story.fires(3, "b")
    mine = story.state.incident_of(NAME, story.state.incidents[next(iter(story.state.incidents))].target).id
    story.looks(4, first_revision(), of=mine)
    story.looks(5, first_revision(), of=mine)
    assert story.events[0].data.result == "hold"
    story.resolves(100, "b")
    story.see(Ticked(mine), 100)
    assert story.closed == ["resolved"]


def test_a_new_alert_does_not_stir_an_incident_that_rests():
    story = Story(rule(NAME, "rollback"))
    story.fires(0)
    story.looks(1, first_revision())
    assert kinds(story.fires(2, "another")) == ["signal"]
    assert story.incident.phase is Phase.RESTING


# Holds


def test_a_hold_is_said_once_and_tells_when_to_ask_again():
    story = Story(rule("other"), rule(NAME), policy=policy(guards=GuardSettings(cooldown=300.0)))
    story.fires(0, rule="other")
    story.looks(1)
    story.carries(OutcomeStatus.REFUSED, 2)
    story.fires(3, "b")
    mine = story.state.open[f"{NAME}|Deployment/shop/web"]
    assert kinds(story.looks(4, of=mine)) == ["decision"]
    assert story.again_at == at(302)
    for second in (5, 100, 301.999):
        assert story.looks(second, of=mine) == ()
        assert story.again_at == at(302)
    assert kinds(story.looks(302, of=mine)) == ["decision", "intent"]


def test_another_guard_that_holds_is_another_thing_to_say():
    story = Story()
    story.fires(0)
    condition = Answer("target.revision > 1", False)
    assert kinds(story.looks(1, snapshot(paused=True))) == ["decision"]
    assert kinds(story.looks(2, snapshot(paused=True, answers=(condition,)))) == ["decision"]
    assert story.looks(3, snapshot(paused=True, answers=(condition,))) == ()


def test_of_several_holds_the_last_to_end_counts():
    story = Story(rule("other"), rule(NAME), policy=policy(guards=GuardSettings(cooldown=300.0)))
    story.fires(0, rule="other")
    story.looks(1)
    story.carries(OutcomeStatus.REFUSED, 2)
    story.fires(3, "b")
    mine = story.state.open[f"{NAME}|Deployment/shop/web"]
    story.looks(4, snapshot(paused=True), of=mine)
    assert story.again_at == at(302)


def test_a_denial_outweighs_a_hold():
    story = Story(policy=policy(protected=Protected(namespaces=("shop",))))
    story.fires(0)
    story.looks(1, snapshot(paused=True))
    assert story.all("decision")[0].result == "deny"


# What is not ours to touch


@pytest.mark.parametrize(
    ("rule_mode", "protects", "guard"),
    [(Mode.OFF, (), "mode"), (Mode.ENFORCE, ("shop",), "protected")],
)
def test_where_we_have_no_business_the_incident_rests_and_nobody_is_told(rule_mode, protects, guard):
    ladder = rule(NAME, "restart", ESCALATE, mode=rule_mode)
    story = Story(ladder, policy=policy(protected=Protected(namespaces=protects)))
    story.fires(0)
    assert kinds(story.looks(1)) == ["decision"]
    (decision,) = story.all("decision")
    assert [each.guard for each in decision.verdicts if each.verdict == "deny"] == [guard]
    assert (decision.then, story.incident.phase) == ("rest", Phase.RESTING)
    story.resolves(2)
    story.see(Ticked(story.incident.id), 2)
    assert story.closed == ["refused"]


def test_a_rule_that_is_off_does_not_even_tell():
    story = Story(rule(NAME, ESCALATE, mode=Mode.OFF))
    story.fires(0)
    assert kinds(story.looks(1)) == ["decision"]
    assert (story.all("escalated"), story.incident.phase) == ([], Phase.RESTING)


# The target


@pytest.mark.parametrize("seen", [gone(), snapshot(uid="uid-web-2")])
def test_a_target_that_is_gone_or_replaced_cancels(seen):
    story = Story(FULL)
    story.fires(0)
    assert kinds(story.looks(1, seen)) == ["incident_closed"]
    assert story.closed == ["cancelled"]


def test_an_unknown_target_neither_acts_nor_cancels_and_is_said_once():
    story = Story(FULL)
    story.fires(0)
    assert kinds(story.looks(1, unknown())) == ["decision"]
    assert story.all("decision")[0].result == "hold"
    assert story.looks(2, unknown()) == ()
    assert story.looks(9999, unknown()) == ()
    assert story.all("intent") == []


def test_a_look_at_an_incident_that_is_no_more_says_nothing():
    story = Story()
    story.fires(0)
    seen = story.incident.id
    story.looks(1, gone())
    assert story.see(Ticked(seen), 2) == ()


def test_an_action_that_is_not_for_this_kind_refuses_and_says_which_it_is_for():
    story = Story(rule(NAME, "rollback"))
    story.fires(0, target=Target("ReplicaSet", "shop", "web", "uid-web"))
    story.looks(1)
    (plan,) = [each for each in story.all("decision")[0].verdicts if each.guard == "plan"]
    assert plan.reason == "rollback is not for a ReplicaSet"
    assert plan.inputs == {"remedy": "set the rule's target.kind: Deployment, StatefulSet, DaemonSet"}


def test_an_action_that_fails_over_what_it_meets_refuses_instead_of_stopping_the_loop():
    story = Story(rule(NAME, "restart"))
    story.fires(0)
    broken = snapshot()
    del broken.live["spec"]["template"]["metadata"]
    story.looks(1, broken)
    (plan,) = [each for each in story.all("decision")[0].verdicts if each.guard == "plan"]
    assert plan.reason == "restart cannot plan on this object: KeyError: 'metadata'"


def test_steps_may_be_told_with_arguments():
    story = Story(rule(NAME, Step("rollback", {"to_revision": 1})))
    story.fires(0)
    story.looks(1)
    assert story.all("intent")[0].change.summary.endswith("from revision 3 to 1")
