"""Mode `approve`: a plan waits for a person's word, which is bound to that plan, expires, and is given once."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.bookkeeping import MOST_TURNED_AWAY
from remediator.core.guarding import ApprovalSettings
from remediator.core.model import CloseReason, Mode, OutcomeStatus, Phase
from remediator.core.observations import Answered, Ticked
from remediator.core.rules import GuardSettings
from tests.unit.builders import ESCALATE, Story, deployment, kinds, rule, snapshot

NAME = "undo-bad-rollout"


def waiting(**approval) -> Story:
    """A rollback that was planned and waits for approval since second 1."""
    settings = GuardSettings(approval=ApprovalSettings(**approval)) if approval else GuardSettings()
    story = Story(rule(NAME, "rollback", ESCALATE, mode=Mode.APPROVE, guards=settings))
    story.fires(0)
    story.looks(1)
    assert story.incident.phase is Phase.AWAITING
    return story


def answer(story: Story, seconds: float, approve: bool = True, by: str = "alice", plan: str = ""):
    return story.see(Answered(story.incident.id, plan or story.incident.plan, approve, by, "because"), seconds)


def refusal(events) -> str:
    """Why an answer does not count; it stands in the journal and changes nothing else."""
    (event,) = events
    assert event.data.answer == "refused"
    return event.data.reason


def test_who_may_not_answer_is_journalled_and_nothing_else_changes():
    story = waiting()
    before = story.incident
    barred = Answered(before.id, before.plan, True, "eve", objection="operator eve has not the role approve")
    assert refusal(story.see(barred, 5)) == "operator eve has not the role approve"
    assert replace(story.incident, turned_away=0) == before
    assert kinds(answer(story, 6)) == ["approval"]


def test_answers_that_do_not_count_fill_no_journal():
    story = waiting()
    said = [answer(story, 5, plan="wrong") for _ in range(MOST_TURNED_AWAY + 5)]
    assert sum(map(len, said)) == MOST_TURNED_AWAY


def test_a_plan_that_all_guards_allow_waits_and_nothing_is_intended():
    story = waiting()
    (decision,) = story.all("decision")
    assert decision.result == "await_approval"
    assert decision.plan
    assert all(verdict.verdict == "allow" for verdict in decision.verdicts)
    assert story.all("intent") == []


def test_approved_it_is_decided_again_with_all_guards_and_then_done():
    story = waiting()
    assert kinds(answer(story, 5)) == ["approval"]
    assert story.events[0].actor == "operator:alice"
    assert story.incident.phase is Phase.PENDING
    assert kinds(story.looks(6)) == ["decision", "intent"]
    assert story.all("decision")[-1].verdicts


def test_approved_after_the_alert_cleared_nothing_is_done():
    story = waiting()
    story.resolves(4)
    assert kinds(answer(story, 5)) == ["approval"]
    story.looks(6)
    assert story.all("intent") == []
    assert story.closed == ["resolved"]


def test_an_approval_is_for_the_plan_that_was_shown_and_no_other():
    story = waiting()
    answer(story, 5)
    elsewhere = snapshot(deployment("app:4", ready=0))
    assert kinds(story.looks(6, elsewhere)) == ["decision", "intent"], "the change is still the same roll-back"
    other = waiting()
    assert refusal(answer(other, 5, plan="0123456789abcdef")) == (
        f"plan {other.incident.plan} waits for this incident, 0123456789abcdef was answered"
    )
    assert other.incident.phase is Phase.AWAITING


def test_another_plan_than_the_approved_one_waits_anew():
    story = waiting()
    answer(story, 5)
    seen = snapshot()
    (revision,) = [each for each in seen.revisions if each.number == 2]
    revision.template["spec"]["containers"][0]["image"] = "app:2-rebuilt"
    assert kinds(story.looks(6, seen)) == ["decision"]
    assert [each.result for each in story.all("decision")] == ["await_approval", "await_approval"]
    assert len({each.plan for each in story.all("decision")}) == 2


def test_of_two_simultaneous_answers_exactly_one_counts():
    story = waiting()
    plan = story.incident.plan
    assert kinds(answer(story, 5, approve=False, by="bob")) == ["approval"]
    late = answer(story, 5, approve=True, by="alice", plan=plan)
    assert refusal(late) == f"no plan waits for this incident, {plan} was answered"
    assert late[0].actor == "operator:alice"
    assert (story.incident.phase, story.incident.cause) == (Phase.RESTING, CloseReason.CANCELLED)
    assert story.incident.detail == "operator:bob denied it: because"


def test_a_quorum_is_of_different_people():
    story = waiting(quorum=2)
    assert kinds(answer(story, 5)) == ["approval"]
    assert refusal(answer(story, 6)) == "the same operator has approved this plan already"
    assert story.incident.phase is Phase.AWAITING
    answer(story, 7, by="bob")
    assert story.incident.phase is Phase.PENDING


@pytest.mark.parametrize(("seconds", "expired"), [(899.999, False), (900, True)])
def test_it_expires_at_the_very_instant(seconds, expired):
    story = waiting(timeout=899.0)
    story.see(Ticked(story.incident.id), seconds)
    assert (story.incident.phase is Phase.AWAITING) is not expired


@pytest.mark.parametrize(("on_timeout", "phase"), [("escalate", Phase.PENDING), ("refuse", Phase.RESTING)])
def test_expired_it_goes_on_to_the_person_or_rests(on_timeout, phase):
    story = waiting(on_timeout=on_timeout)
    story.see(Ticked(story.incident.id), 901)
    assert (story.incident.phase, story.incident.cause) == (phase, CloseReason.EXPIRED)
    assert refusal(answer(story, 902, plan=story.all("decision")[0].plan)).startswith("no plan waits"), "too late"
    if phase is Phase.PENDING:
        assert kinds(story.looks(903)) == ["decision", "escalated"]
        assert story.all("escalated")[0].reason == "nobody approved it in time"


def test_an_answer_at_the_instant_of_expiry_is_too_late():
    story = waiting(timeout=60.0)
    answer(story, 61)
    assert [each.answer for each in story.all("approval")] == ["expired"]


def test_what_clears_while_it_waits_is_closed():
    story = waiting()
    story.resolves(4)
    story.see(Ticked(story.incident.id), 4)
    assert story.closed == ["resolved"]


def test_conflict_after_approval_is_planned_again_without_asking_again():
    story = waiting()
    answer(story, 5)
    story.looks(6)
    story.carries(OutcomeStatus.CONFLICT, 7)
    assert kinds(story.looks(8)) == ["decision", "intent"]
