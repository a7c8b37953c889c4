"""Guard `global_budget`: at most `max` actions over everything."""

from __future__ import annotations

import pytest

from remediator.core.guarding import Budget
from remediator.core.memory import Scope
from remediator.core.model import Mode
from remediator.guards.global_budget import GUARD
from tests.unit.builders import at, request, rule, snapshot
from tests.unit.waiting import Crowd


def crowd_after(*acted: float, mode: Mode = Mode.ENFORCE) -> Crowd:
    """Incidents of one rule acted at these seconds; one of another rule in another namespace asks."""
    crowd = Crowd(rule("busy"), rule("asking"))
    for number, seconds in enumerate(acted):
        crowd.opens(f"i{number}", "busy", 0)
        crowd.acts(f"i{number}", seconds, mode)
    crowd.opens("asks", "asking", 1, namespace="cart")
    return crowd


@pytest.mark.parametrize(
    ("acted", "now", "verdict", "retry_at"),
    [
        ((), 20, "allow", None),
        ((2,), 20, "allow", None),
        ((2, 3), 20, "hold", 102),
        ((2, 3), 101.999999, "hold", 102),
        ((2, 3), 102, "allow", None),
    ],
)
def test_actions_of_all_rules_in_all_namespaces_count(acted, now, verdict, retry_at):
    crowd = crowd_after(*acted)
    answer = GUARD.ask(
        request(crowd.of("asks"), global_budget=Budget(2, 100.0)), crowd.state, snapshot().facts, at(now)
    )
    assert (answer.verdict, answer.retry_at) == (verdict, retry_at and at(retry_at))


def test_observe_mode_spends_a_budget_of_its_own():
    crowd = crowd_after(2, 3, mode=Mode.OBSERVE)
    limits = {"global_budget": Budget(2, 100.0)}
    assert GUARD.ask(request(crowd.of("asks"), **limits), crowd.state, snapshot().facts, at(20)).verdict == "allow"
    observing = request(crowd.of("asks"), Mode.OBSERVE, **limits)
    assert GUARD.ask(observing, crowd.state, snapshot().facts, at(20)).verdict == "hold"
    assert f"shadow:{Scope.GLOBAL}" in crowd.state.spent


def test_there_is_no_limit_unless_one_is_written():
    crowd = crowd_after(*range(2, 9))
    assert GUARD.ask(request(crowd.of("asks")), crowd.state, snapshot().facts, at(20)).verdict == "allow"
