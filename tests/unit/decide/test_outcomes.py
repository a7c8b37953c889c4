"""What becomes of an intent: every outcome, and who may speak of it."""

from __future__ import annotations

import pytest

from remediator.core.memory import Scope
from remediator.core.model import Mode, OutcomeStatus, Phase
from remediator.core.observations import Carried, Elected
from remediator.core.rules import Budget, GuardSettings
from remediator.guards.contention import MOST_TRIES
from tests.unit.builders import ESCALATE, WEB, Story, Target, at, gone, kinds, policy, rule

NAME = "undo-bad-rollout"


def acting(*ladder, **fields) -> Story:
    """A story with an intent in flight at 1 s."""
    story = Story(rule(NAME, *(ladder or ("restart", ESCALATE))), **fields)
    story.fires(0)
    story.looks(1)
    assert story.incident.phase is Phase.ACTING
    return story


@pytest.mark.parametrize(
    ("status", "phase", "step", "cause", "budget_used", "rests"),
    [
        (OutcomeStatus.APPLIED, Phase.VERIFYING, 0, None, 1, True),
        (OutcomeStatus.ADOPTED, Phase.VERIFYING, 0, None, 1, True),
        (OutcomeStatus.CONFLICT, Phase.PENDING, 0, None, 0, False),
        (OutcomeStatus.NEVER_DONE, Phase.PENDING, 0, None, 0, False),
        (OutcomeStatus.GONE, Phase.PENDING, 0, None, 1, True),
        (OutcomeStatus.REFUSED, Phase.PENDING, 1, "failed", 1, True),
        (OutcomeStatus.FAILED, Phase.PENDING, 1, "failed", 1, True),
    ],
)
def test_where_each_outcome_leads(status, phase, step, cause, budget_used, rests):
    story = acting()
    assert kinds(story.carries(status, 2)) == ["outcome"]
    assert (story.incident.phase, story.incident.step, story.incident.cause) == (phase, step, cause)
    assert len(story.state.spent.get(Scope.rule(NAME), ())) == budget_used
    assert (WEB.key in story.state.ended) is rests
    assert (WEB.key in story.state.hands) is (phase is Phase.VERIFYING)


def test_a_target_that_was_gone_at_the_write_cancels_at_the_next_look():
    story = acting()
    story.carries(OutcomeStatus.GONE, 2)
    story.looks(3, gone())
    assert story.closed == ["cancelled"]


def test_after_a_conflict_the_same_step_is_planned_again_under_a_new_id():
    story = acting()
    story.carries(OutcomeStatus.CONFLICT, 2)
    story.looks(3)
    first, second = story.all("intent")
    assert (first.step, first.action, first.id[-2:]) == (0, "restart", "-1")
    assert (second.step, second.action, second.id[-2:]) == (0, "restart", "-2")


def test_five_conflicts_are_contention_and_a_person_is_told():
    story = acting()
    for second in range(2, 2 * MOST_TRIES, 2):
        story.carries(OutcomeStatus.CONFLICT, second)
        story.looks(second + 1)
    story.carries(OutcomeStatus.CONFLICT, 50)
    assert len(story.all("intent")) == MOST_TRIES
    story.looks(51)
    assert len(story.all("intent")) == MOST_TRIES
    assert (story.incident.step, story.incident.cause) == (1, "contended")
    assert story.incident.detail == "the target changed under 5 planned writes in a row"
    assert story.state.spent[Scope.rule(NAME)] == ()


@pytest.mark.parametrize("first", [0, 1])
def test_a_conflict_gives_back_its_own_reservation_and_no_other(first):
    """Two incidents of one rule in flight: what the second one spent stays spent, at its own instant."""
    two = Target("Deployment", "shop", "two", WEB.uid)
    settings = GuardSettings(cooldown=0.0, budget=Budget(2, 100.0), max_in_flight=2)
    story = Story(rule(NAME), policy=policy(guards=settings))
    story.fires(0, "a")
    story.looks(1)
    story.fires(2, "b", target=two)
    ids = [story.state.open[f"{NAME}|{target.key}"] for target in (WEB, two)]
    story.looks(50, of=ids[1])
    assert len(story.all("intent")) == 2
    intent = story.state.incidents[ids[first]].intent
    story.see(Carried(ids[first], intent.id, OutcomeStatus.CONFLICT), 51)
    assert story.state.spent[Scope.rule(NAME)] == ((at(50),) if first == 0 else (at(1),))


@pytest.mark.parametrize(
    ("incident", "intent"),
    [("", "incident-of-old-1"), ("", ""), ("no-such-incident", ""), ("", "another-1")],
)
def test_an_outcome_of_anything_but_the_intent_in_flight_is_ignored(incident, intent):
    story = acting()
    before = story.state
    about = incident or story.incident.id
    assert story.see(Carried(about, intent, OutcomeStatus.APPLIED), 2) == ()
    assert story.state == before


def test_the_second_outcome_of_one_intent_is_ignored():
    story = acting()
    story.carries(OutcomeStatus.APPLIED, 2)
    assert story.carries(OutcomeStatus.CONFLICT, 3, story.incident.intent.id) == ()
    assert story.incident.phase is Phase.VERIFYING


def test_an_outcome_that_comes_after_the_next_intent_is_ignored():
    story = acting()
    old = story.incident.intent.id
    story.carries(OutcomeStatus.CONFLICT, 2)
    story.looks(3)
    assert story.carries(OutcomeStatus.APPLIED, 4, old) == ()
    assert story.incident.phase is Phase.ACTING


def test_while_an_intent_is_in_flight_nothing_else_is_decided_about_it():
    story = acting()
    for second in (2, 3):
        assert story.looks(second) == ()
    assert story.incident.phase is Phase.ACTING


def test_intents_name_the_term_of_office_they_were_made_in():
    story = Story()
    story.see(Elected("two"), 0)
    story.fires(0)
    story.looks(1)
    assert (story.state.epoch, story.all("intent")[0].epoch) == (2, 2)


def test_an_intent_holds_what_it_takes_away_once_and_its_change_carries_the_remediations_id():
    story = acting("rollback")
    (intent,) = story.all("intent")
    assert intent.prior["revision"] == 3
    assert intent.change.prior == {}
    assert intent.change.body["metadata"]["annotations"]["remediator.io/remediation"] == intent.id
    assert intent.change.precondition.resource_version == "100"
    assert intent.diff


# One target, one hand; one target, one rest


def test_two_rules_on_one_target_the_second_waits_for_the_hand_and_then_for_the_cooldown():
    story = Story(rule("one"), rule("two"), policy=policy(guards=GuardSettings(cooldown=300.0)))
    story.fires(0, rule="one")
    story.fires(0, "b", rule="two")
    one, two = story.state.open[f"one|{WEB.key}"], story.state.open[f"two|{WEB.key}"]
    story.looks(1, of=one)

    def holds(second: float) -> list[str]:
        story.looks(second, of=two)
        verdicts = story.state.incidents[two].said.verdicts
        return [verdict.guard for verdict in verdicts if verdict.verdict == "hold"]

    assert holds(2) == ["one_hand"]
    story.see(Carried(one, f"{one}-1", OutcomeStatus.REFUSED), 10)
    assert holds(11) == ["cooldown"]
    story.looks(310, of=two)
    assert [event.kind for event in story.events] == ["decision", "intent"]


@pytest.mark.parametrize("lowered", [Mode.OBSERVE, Mode.OFF])
def test_a_mode_that_is_lowered_while_a_write_is_in_flight_does_not_hide_its_cooldown(lowered):
    settings = {"guards": GuardSettings(cooldown=300.0)}
    story = Story(rule("one"), rule("two"), policy=policy(**settings))
    story.fires(0, rule="one")
    story.looks(1)
    one = story.incident.id
    story.reload(rule("one"), rule("two"), policy=policy(mode=lowered, **settings), seconds=2)
    story.see(Carried(one, f"{one}-1", OutcomeStatus.REFUSED), 3)
    story.reload(rule("one"), rule("two"), policy=policy(**settings), seconds=4)
    story.fires(5, "b", rule="two")
    story.looks(6, of=story.state.open[f"two|{WEB.key}"])
    assert story.again_at == at(303)
