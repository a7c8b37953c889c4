"""Observe is the same path without the write; and the API server's answer to a rehearsal is one of the verdicts."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.core.memory import Scope
from remediator.core.model import Mode, OutcomeStatus, Phase
from remediator.core.observations import Looked, Ticked
from remediator.core.rules import Budget, GuardSettings, Step
from remediator.core.snapshot import Rehearsal
from remediator.objections import objection
from remediator.propose import wanted_change
from tests.unit.builders import ESCALATE, WEB, Story, accepted, at, kinds, policy, rule, snapshot, unknown

NAME = "undo-bad-rollout"
OBSERVED = rule(NAME, "rollback", ESCALATE, mode=Mode.OBSERVE)


def test_observing_decides_intends_and_rehearses_in_one_ruling_and_then_rests():
    story = Story(OBSERVED)
    story.fires(0)
    assert kinds(story.looks(1)) == ["decision", "intent", "outcome"]
    assert {str(event.mode) for event in story.events} == {"observe"}
    assert story.all("decision")[0].result == "observe"
    assert story.all("outcome")[0].status is OutcomeStatus.REHEARSED
    assert (story.incident.phase, story.incident.intent) == (Phase.RESTING, None)
    assert WEB.key not in story.state.hands
    story.resolves(2)
    story.see(Ticked(story.incident.id), 2)
    assert story.closed == ["resolved"]


def test_observing_says_the_same_as_enforcing_but_for_the_outcome():
    told = {}
    for mode in (Mode.OBSERVE, Mode.ENFORCE):
        story = Story(replace(OBSERVED, mode=mode))
        story.fires(0)
        story.looks(1)
        (decision,), (intent,) = story.all("decision"), story.all("intent")
        answers = [(each.guard, each.verdict) for each in decision.verdicts]
        told[mode] = (answers, decision.evidence, intent.change, intent.diff, intent.prior)
    assert told[Mode.OBSERVE] == told[Mode.ENFORCE]


def test_observing_spends_shadow_budgets_and_cooldowns_only():
    story = Story(OBSERVED)
    story.fires(0)
    story.looks(1)
    assert dict(story.state.spent) == {
        f"shadow:{scope}": (at(1),) for scope in (Scope.rule(NAME), Scope.namespace("shop"), Scope.GLOBAL)
    }
    assert list(story.state.ended) == [f"shadow:{WEB.key}"]


def test_a_spent_shadow_budget_holds_the_preview_as_it_would_the_write():
    written = GuardSettings(budget=Budget(1, 100.0), cooldown=0.0)
    story = Story(replace(OBSERVED, guards=written))
    story.fires(0)
    story.looks(1)
    story.resolves(2)
    story.see(Ticked(story.incident.id), 2)
    story.fires(3, starts_at=at(3))
    story.looks(4)
    assert story.again_at == at(101)


def test_in_observe_mode_nobody_is_told_but_the_journal():
    story = Story(rule(NAME, ESCALATE, mode=Mode.OBSERVE))
    story.fires(0)
    assert kinds(story.looks(1)) == ["decision", "escalated"]
    assert (story.all("escalated")[0].status, story.incident.phase) == ("observed", Phase.RESTING)


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.OBSERVE])
def test_the_settings_mode_is_a_ceiling_over_every_rule(mode):
    story = Story(rule(NAME, "rollback"), policy=policy(mode=mode))
    story.fires(0)
    story.looks(1)
    assert story.incident.phase is Phase.RESTING
    assert {each.status for each in story.all("outcome")} <= {OutcomeStatus.REHEARSED}


# The rehearsal


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.ENFORCE])
@pytest.mark.parametrize(
    ("answer", "result"),
    [("accepted", None), ("refused", "deny"), ("unknown", "hold"), ("conflict", "")],
)
def test_what_the_api_server_answers_counts_in_both_modes(mode, answer, result):
    story = Story(replace(OBSERVED, mode=mode))
    story.fires(0)
    story.looks(1, api=answer)
    said = [each.result for each in story.all("decision")]
    assert said == ([] if result == "" else [result or ("observe" if mode is Mode.OBSERVE else "act")])
    assert bool(story.all("intent")) is (answer == "accepted")


@pytest.mark.parametrize("kind", ["none", "stale", "conflict"])
def test_an_answer_about_another_change_is_none_and_it_looks_again_soon(kind):
    story = Story(OBSERVED)
    story.fires(0)
    seen = replace(snapshot(), facts=replace(snapshot().facts, taken_at=at(1)))
    rehearsal: Rehearsal | None = {
        "none": None,
        "stale": Rehearsal("0123456789abcdef", "accepted"),
        "conflict": accepted(wanted_change(story.state, story.incident, seen, at(1)), "conflict"),
    }[kind]
    assert story.see(Looked(story.incident.id, seen, rehearsal), 1) == ()
    assert at(1) < story.again_at <= at(2)


def test_nothing_is_rehearsed_that_a_guard_does_not_allow_or_that_is_unknown():
    story = Story(OBSERVED)
    story.fires(0)
    for seen in (snapshot(paused=True), unknown()):
        assert wanted_change(story.state, story.incident, seen, at(1)) is None


def test_a_refusal_of_the_api_server_is_the_reason_why_the_next_step_comes():
    story = Story(rule(NAME, "rollback", ESCALATE))
    story.fires(0)
    story.looks(1, api="refused")
    assert (story.incident.step, story.incident.detail) == (1, "the API server refuses it: refused")


# A mode that is raised


@pytest.mark.parametrize("low", [Mode.OFF, Mode.OBSERVE])
@pytest.mark.parametrize("by", ["settings", "rule"])
@pytest.mark.parametrize("do", ["rollback", ESCALATE])
def test_what_rests_for_its_mode_alone_is_looked_at_again_when_the_mode_is_raised(low, by, do):
    lowered = rule(NAME, do, mode=low if by == "rule" else Mode.ENFORCE)
    story = Story(lowered, policy=policy(mode=low if by == "settings" else Mode.ENFORCE))
    story.fires(0)
    story.looks(1)
    assert story.incident.phase is Phase.RESTING
    story.reload(rule(NAME, do), policy=policy(), seconds=10)
    assert (story.incident.phase, story.incident.step) == (Phase.PENDING, 0)
    story.looks(11)
    assert story.all("decision")[-1].result == "act"
    assert story.incident.phase is (Phase.ESCALATING if do is ESCALATE else Phase.ACTING)


def test_a_raised_mode_begins_the_ladder_anew_since_what_was_refused_may_be_allowed_by_now():
    story = Story(replace(OBSERVED, do=(OBSERVED.do[0], *rule(NAME, "restart").do)))
    story.fires(0)
    story.looks(1, snapshot(revision=1))
    story.looks(2, snapshot(revision=1))
    assert (story.incident.phase, story.incident.step) == (Phase.RESTING, 1)
    story.reload(replace(story.incident.definition, mode=Mode.ENFORCE), seconds=10)
    assert story.incident.step == 0


@pytest.mark.parametrize("high", [Mode.OBSERVE, Mode.OFF])
def test_a_mode_that_stays_or_falls_wakes_nothing(high):
    story = Story(OBSERVED)
    story.fires(0)
    story.looks(1)
    story.reload(replace(OBSERVED, mode=high, annotations={"summary": "new"}), seconds=10)
    assert story.incident.phase is Phase.RESTING


def test_what_rests_for_another_reason_rests_on():
    story = Story(rule(NAME, "rollback"), policy=policy(mode=Mode.APPROVE))
    story.fires(0)
    story.looks(1, snapshot(revision=1))
    assert (story.incident.phase, story.all("decision")[0].then) == (Phase.RESTING, "next")
    story.reload(rule(NAME, "rollback"), policy=policy(), seconds=10)
    assert story.incident.phase is Phase.RESTING


def test_a_rung_that_says_approve_waits_for_a_person_and_the_one_before_it_does_not():
    asking = Step("restart", {}, None, Mode.APPROVE)
    story = Story(rule(NAME, Step("rollback"), asking, ESCALATE, guards=GuardSettings(cooldown=0.0)))
    story.fires(0)
    assert kinds(story.looks(1)) == ["decision", "intent"]
    story.carries(OutcomeStatus.REFUSED, 2)
    assert kinds(story.looks(3)) == ["decision"]
    assert story.all("decision")[-1].result == "await_approval"
    assert [str(event.mode) for event in story.journal if event.kind == "decision"] == ["enforce", "approve"]


def test_a_rung_that_only_observes_is_rehearsed_and_ends_the_ladder():
    story = Story(rule(NAME, Step("rollback", {}, None, Mode.OBSERVE), "restart"))
    story.fires(0)
    assert kinds(story.looks(1)) == ["decision", "intent", "outcome"]
    assert story.all("outcome")[0].status is OutcomeStatus.REHEARSED
    assert story.incident.phase is Phase.RESTING
    assert [key for key in story.state.spent if not key.startswith("shadow:")] == []


def test_a_rung_that_is_raised_begins_its_ladder_anew():
    story = Story(rule(NAME, Step("rollback", {}, None, Mode.OBSERVE)))
    story.fires(0)
    story.looks(1)
    story.reload(rule(NAME, Step("rollback")), seconds=2)
    assert (story.incident.phase, story.incident.step) == (Phase.PENDING, 0)


def test_a_rung_that_is_lowered_before_its_write_is_not_written():
    story = Story(rule(NAME, Step("rollback")))
    story.fires(0)
    story.looks(1)
    story.reload(rule(NAME, Step("rollback", {}, None, Mode.OBSERVE)), seconds=2)
    intent = story.incident.intent
    assert objection(story.state, story.incident.id, intent, None, at(2)) == "the mode is observe by now"
