"""Guard `budget`: at most `max` actions of a rule in any window of `per` seconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediator.core.guarding import Budget, GuardSettings
from remediator.core.memory import Scope
from remediator.core.model import Mode
from remediator.core.state import State
from remediator.guards.budget import GUARD
from remediator.guards.guard import limits_of
from tests.unit.builders import at, policy, request, rule, snapshot, state

RULE = Scope.rule(rule().name)


def spent(*seconds: float, key: str = RULE) -> State:
    """A journal in which the rule began to act at these seconds."""
    return State(spent=state().spent.set(key, tuple(at(each) for each in seconds)))


@pytest.mark.parametrize(
    ("began", "now", "verdict", "retry_at", "why"),
    [
        ((), 0, "allow", None, "nothing was spent"),
        ((0,), 1, "allow", None, "one of two"),
        ((0, 10), 20, "hold", 100, "both are spent; the first one frees itself"),
        ((0, 10), 99.999999, "hold", 100, "one microsecond is left"),
        ((0, 10), 100, "allow", None, "an action that began exactly 100 s ago is out of the window"),
        ((0, 10, 20), 30, "hold", 110, "a budget that shrank: two of three must leave the window"),
        ((10, 0), 20, "hold", 100, "also where the clock went back between them"),
        ((500, 510), 20, "hold", 600, "also where they lie ahead, after a clock that was set back"),
    ],
)
def test_when_two_actions_in_a_hundred_seconds_allow_a_third(began, now, verdict, retry_at, why):
    answer = GUARD.ask(request(budget=Budget(2, 100.0)), spent(*began), snapshot().facts, at(now))
    assert answer.verdict == verdict, why
    assert answer.retry_at == (None if retry_at is None else at(retry_at)), why


@pytest.mark.parametrize("most", [0, -1])
def test_a_budget_of_nothing_never_allows(most):
    assert GUARD.ask(request(budget=Budget(most, 60.0)), spent(), snapshot().facts, at(0)).verdict == "deny"


@pytest.mark.parametrize(
    ("key", "mode", "verdict"),
    [
        (RULE, Mode.ENFORCE, "hold"),
        (RULE, Mode.OBSERVE, "allow"),
        (f"shadow:{RULE}", Mode.OBSERVE, "hold"),
        (f"shadow:{RULE}", Mode.ENFORCE, "allow"),
        ("rule|another-rule", Mode.ENFORCE, "allow"),
    ],
)
def test_observe_mode_spends_a_budget_of_its_own(key, mode, verdict):
    answer = GUARD.ask(request(mode=mode, budget=Budget(1, 60.0)), spent(0, key=key), snapshot().facts, at(1))
    assert answer.verdict == verdict


def test_the_answer_says_how_much_is_used():
    answer = GUARD.ask(request(budget=Budget(2, 60.0)), spent(0), snapshot().facts, at(1))
    assert answer.inputs == {"scope": RULE, "used": 1, "max": 2, "per": 60.0}


@given(st.lists(st.integers(0, 200), max_size=8), st.integers(0, 200), st.integers(1, 4), st.integers(1, 60))
def test_a_hold_ends_at_the_first_instant_that_allows(began, now, most, per):
    asked, journal = request(budget=Budget(most, float(per))), spent(*began)
    answer = GUARD.ask(asked, journal, snapshot().facts, at(now))
    if answer.retry_at is not None:
        before = (answer.retry_at - at(0)).total_seconds() - 0.000001
        assert GUARD.ask(asked, journal, snapshot().facts, at(before)).verdict == "hold"
        assert GUARD.ask(asked, journal, snapshot().facts, answer.retry_at).verdict == "allow"


@pytest.mark.parametrize(
    ("settings", "own", "in_force"),
    [
        (None, None, Budget(3, 3600.0)),
        (Budget(9, 60.0), None, Budget(9, 60.0)),
        (None, Budget(9, 60.0), Budget(9, 60.0)),
        (Budget(2, 60.0), Budget(1, 10.0), Budget(1, 10.0)),
        (Budget(1, 60.0), Budget(2, 600.0), Budget(1, 60.0)),
        (Budget(2, 60.0), Budget(2, 600.0), Budget(2, 600.0)),
    ],
)
def test_the_fewest_actions_hold_and_of_equally_many_the_longest_window(settings, own, in_force):
    written = rule(guards=GuardSettings(budget=own))
    assert limits_of(policy(guards=GuardSettings(budget=settings)), written).budget == in_force
