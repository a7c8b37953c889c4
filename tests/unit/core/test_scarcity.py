"""When places are scarce the most urgent incident goes first: by severity, then by age, and nobody blocks in vain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediator.core.events import Event, IncidentClosed, RulesChanged
from remediator.core.fold.budgets import place_of, waits_in
from remediator.core.guarding import Budget
from remediator.core.memory import Scope
from remediator.core.model import CloseReason, Mode, OutcomeStatus
from remediator.core.rules import When
from remediator.core.scarcity import LONGEST_TURN, budgeted, in_flight
from tests.unit.builders import at, incident, matcher, rule
from tests.unit.waiting import Crowd

RULE = rule("r")
SCOPE = Scope.rule("r")
TWO = Budget(2, 100.0)


def asks(crowd: Crowd, name: str, budget: Budget = TWO, now: float = 10, mode: Mode = Mode.ENFORCE, scope: str = SCOPE):
    return budgeted("budget", budget, scope, crowd.of(name), mode, crowd.state, at(now))


@pytest.mark.parametrize(
    ("of_rule", "of_alert", "place"),
    [
        ("critical", "", 0),
        ("page", "", 1),
        ("warning", "", 2),
        ("info", "", 3),
        ("", "", 4),
        ("none", "", 4),
        ("Critical", "", 4),
        ("", "page", 1),
        ("info", "critical", 3),
    ],
)
def test_the_rules_severity_counts_and_else_the_alerts(of_rule, of_alert, place):
    labels = {"severity": of_rule} if of_rule else {}
    about = incident(rule(labels=labels), labels={"severity": of_alert} if of_alert else {})
    assert place_of(about)[0] == place


def test_of_three_that_are_due_at_once_two_get_a_place_whoever_asks_first():
    crowd = Crowd(RULE)
    for seconds, name in enumerate(("old", "younger", "youngest")):
        crowd.opens(name, "r", seconds)
    assert [asks(crowd, name).verdict for name in ("youngest", "younger", "old")] == ["hold", "allow", "allow"]


def test_severity_outweighs_age():
    crowd = Crowd(RULE)
    crowd.opens("old", "r", 0, labels={"severity": "warning"})
    crowd.opens("young", "r", 5, labels={"severity": "page"})
    one = Budget(1, 100.0)
    assert asks(crowd, "old", one).verdict == "hold"
    assert asks(crowd, "young", one).verdict == "allow"


def test_who_waits_for_a_turn_asks_again_soon_and_those_behind_it_later():
    crowd = Crowd(RULE)
    for seconds in range(4):
        crowd.opens(f"i{seconds}", "r", seconds)
    again = [asks(crowd, f"i{each}", Budget(1, 100.0)).retry_at for each in range(4)]
    assert again == [None, at(15), at(20), at(25)]


def test_a_used_up_budget_holds_all_until_it_frees_and_those_behind_a_little_longer():
    crowd = Crowd(RULE)
    crowd.opens("done", "r", 0)
    crowd.acts("done", 2)
    crowd.opens("first", "r", 3)
    crowd.opens("second", "r", 4)
    one = Budget(1, 100.0)
    assert [asks(crowd, name, one).retry_at for name in ("first", "second")] == [at(102), at(107)]


def test_among_thousands_the_last_asks_again_within_ten_minutes():
    crowd = Crowd(RULE)
    for each in range(300):
        crowd.opens(f"i{each:03}", "r", each / 1000)
    crowd.acts("i000", 2)
    verdict = asks(crowd, "i299", Budget(1, 100.0))
    assert verdict.retry_at == at(102) + LONGEST_TURN


@pytest.mark.parametrize(
    ("what", "blocks"),
    [
        ("is not decided yet", True),
        ("waits for this budget", True),
        ("waits for a place of this rule in flight", True),
        ("waits for another scope", False),
        ("waits for this budget and for another scope", False),
        ("waits for a window", False),
        ("waits for this budget and for a window", False),
        ("is not due", False),
        ("has cleared", False),
        ("is in hand", False),
        ("rests", False),
        ("is closed", False),
        ("only observes", False),
    ],
)
def test_only_one_that_could_take_the_place_keeps_others_waiting(what, blocks):
    """A grave incident that a closed window holds for a week must not starve all the others."""
    watching = rule("watching", mode=Mode.OBSERVE)
    crowd = Crowd(rule("r", when=When((matcher("alertname", "Stuck"),), for_=2.0)), watching)
    scope = Scope.namespace("shop")
    about = {"is not due": ("r", 9), "only observes": ("watching", 0)}.get(what, ("r", 0))
    crowd.opens("grave", *about, labels={"severity": "critical"})
    crowd.opens("asking", "r", 1)
    held_by = {
        "waits for this budget": ("namespace_budget",),
        "waits for another scope": ("budget",),
        "waits for this budget and for another scope": ("namespace_budget", "budget"),
        "waits for a window": ("window",),
        "waits for this budget and for a window": ("namespace_budget", "window"),
    }
    if what == "waits for a place of this rule in flight":
        scope, held_by[what] = SCOPE, ("max_in_flight",)
    if what in held_by:
        crowd.held("grave", *held_by[what])
    if what == "has cleared":
        crowd.clears("grave", 3)
    if what in ("is in hand", "rests"):
        crowd.acts("grave")
    if what == "rests":
        crowd.ends("grave", OutcomeStatus.FAILED)
    if what == "is closed":
        crowd.about("grave", IncidentClosed(CloseReason.RESOLVED), 3)
    used = len(crowd.state.spent.get(scope, ()))
    assert asks(crowd, "asking", Budget(used + 1, 100.0), scope=scope).verdict == ("hold" if blocks else "allow")


def test_a_changed_severity_changes_the_order():
    crowd = Crowd(RULE, rule("other", labels={"severity": "info"}))
    crowd.opens("ours", "r", 5)
    crowd.opens("theirs", "other", 6)
    one, scope = Budget(1, 100.0), Scope.GLOBAL
    assert asks(crowd, "ours", one, scope=scope).verdict == "hold"
    crowd.see(Event(at(7), RulesChanged(changed=(rule("r", labels={"severity": "critical"}),))))
    assert asks(crowd, "ours", one, scope=scope).verdict == "allow"
    assert asks(crowd, "theirs", one, scope=scope).verdict == "hold"


def flies(crowd: Crowd, name: str, most: int, now: float = 10, mode: Mode = Mode.ENFORCE):
    return in_flight("max_in_flight", most, SCOPE, crowd.of(name), mode, crowd.state, at(now))


@pytest.mark.parametrize(
    ("status", "verdict", "why"),
    [
        (None, "hold", "an intent without an outcome is in flight"),
        (OutcomeStatus.APPLIED, "hold", "it is being verified"),
        (OutcomeStatus.FAILED, "allow", "it came to its end"),
        (OutcomeStatus.CONFLICT, "hold", "the older one is to be planned anew, and goes first"),
    ],
)
def test_from_the_intent_to_the_proof_a_remediation_is_in_flight(status, verdict, why):
    crowd = Crowd(RULE)
    crowd.opens("one", "r")
    crowd.opens("two", "r", 1)
    crowd.acts("one")
    if status:
        crowd.ends("one", status)
    assert flies(crowd, "two", 1).verdict == verdict, why


def test_who_waits_for_the_end_of_another_asks_again_in_fifteen_seconds_and_those_behind_later():
    crowd = Crowd(RULE)
    for seconds, name in enumerate(("flying", "first", "second")):
        crowd.opens(name, "r", seconds)
    crowd.acts("flying", 3)
    assert [flies(crowd, name, 1).retry_at for name in ("first", "second")] == [at(25), at(30)]


def test_in_observe_mode_an_action_flies_for_as_long_as_its_proof_would_take():
    """A preview that never has anything in flight would promise more than enforcing does."""
    crowd = Crowd(rule("r", mode=Mode.OBSERVE))  # proven by 60 s of health
    crowd.opens("one", "r")
    crowd.acts("one", 2, Mode.OBSERVE)
    crowd.ends("one", OutcomeStatus.REHEARSED, 2)
    crowd.opens("two", "r", 3)
    assert flies(crowd, "two", 1, 61.999, Mode.OBSERVE).verdict == "hold"
    assert flies(crowd, "two", 1, 62, Mode.OBSERVE).verdict == "allow"
    assert flies(crowd, "two", 1, 3, Mode.ENFORCE).verdict == "allow"


EVENTS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["open", "clear", "act", "fail", "done", "hold", "close", "reload"])),
    max_size=30,
)


@given(EVENTS)
def test_counts_and_queues_are_what_the_open_incidents_say(history):
    """Whatever happens in whatever order: they could be computed anew at any time."""
    crowd = Crowd(RULE)
    for second, (number, what) in enumerate(history):
        name = f"i{number}"
        if what == "reload":
            changed = rule("r", labels={"severity": "page" if number % 2 else "info"})
            crowd.see(Event(at(second), RulesChanged(changed=(changed,))))
        elif name not in crowd.state.incidents:
            crowd.opens(name, "r", second)
        elif what == "clear":
            crowd.clears(name, second)
        elif what == "act":
            crowd.acts(name, second)
        elif what in ("fail", "done"):
            crowd.ends(name, OutcomeStatus.FAILED if what == "fail" else OutcomeStatus.APPLIED, second)
        elif what == "hold":
            crowd.held(name, ("budget", "window", "global_budget")[number % 3], seconds=second)
        elif what == "close":
            crowd.about(name, IncidentClosed(CloseReason.RESOLVED), second)
    everyone = list(crowd.state.incidents.values())
    flying = sum(each.in_hand for each in everyone)
    assert {crowd.state.in_flight.get(scope, 0) for scope in (SCOPE, Scope.GLOBAL)} == {flying}
    for scope in (SCOPE, Scope.GLOBAL, Scope.namespace("shop")):
        waiting = sorted(place_of(each) for each in everyone if scope in waits_in(each))
        assert [place for part in crowd.state.queues.get(scope, ()) for place in part] == waiting
