"""Guard `global_max_in_flight`: so many remediations at once over all rules."""

from __future__ import annotations

import pytest

from remediator.guards.global_max_in_flight import GUARD
from remediator.guards.guard import Limits
from tests.unit.builders import at, request, rule, snapshot
from tests.unit.waiting import Crowd


@pytest.mark.parametrize(
    ("flying", "most", "verdict"),
    [(0, 1, "allow"), (1, 1, "hold"), (4, 5, "allow"), (5, 5, "hold"), (6, 5, "hold"), (0, 0, "deny")],
)
def test_remediations_of_all_rules_count(flying, most, verdict):
    rules = [rule(f"r{each}") for each in range(flying + 1)]
    crowd = Crowd(*rules)
    for each in range(flying):
        crowd.opens(f"i{each}", f"r{each}", namespace=f"n{each}")
        crowd.acts(f"i{each}")
    crowd.opens("asks", f"r{flying}", 1)
    asked = request(crowd.of("asks"), global_max_in_flight=most)
    assert GUARD.ask(asked, crowd.state, snapshot().facts, at(10)).verdict == verdict


def test_among_those_that_wait_the_gravest_of_all_rules_goes_first():
    crowd = Crowd(rule("grave", labels={"severity": "critical"}), rule("light", labels={"severity": "info"}))
    crowd.opens("old", "light", 0)
    crowd.opens("young", "grave", 5)
    answers = [
        GUARD.ask(request(crowd.of(name), global_max_in_flight=1), crowd.state, snapshot().facts, at(10)).verdict
        for name in ("old", "young")
    ]
    assert answers == ["hold", "allow"]


def test_five_is_the_default():
    assert Limits().global_max_in_flight == 5
