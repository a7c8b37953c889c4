"""Guard `max_in_flight`: so many remediations of a rule at once."""

from __future__ import annotations

import pytest

from remediator.core.model import OutcomeStatus
from remediator.guards.guard import Limits
from remediator.guards.max_in_flight import GUARD
from tests.unit.builders import at, request, rule, snapshot
from tests.unit.waiting import Crowd


@pytest.mark.parametrize(
    ("ours", "theirs", "most", "verdict", "why"),
    [
        (0, 0, 1, "allow", "nothing is in flight"),
        (1, 0, 1, "hold", "the one place is taken"),
        (1, 0, 2, "allow", "the second place is free"),
        (2, 0, 2, "hold", "both are taken"),
        (3, 0, 2, "hold", "also where the limit was lowered meanwhile"),
        (0, 3, 1, "allow", "other rules have places of their own"),
        (0, 0, 0, "deny", "a limit of 0 never allows"),
    ],
)
def test_remediations_of_the_same_rule_count(ours, theirs, most, verdict, why):
    crowd = Crowd(rule("ours"), rule("theirs"))
    for name, number in (("ours", ours), ("theirs", theirs)):
        for each in range(number):
            crowd.opens(f"{name}-{each}", name)
            crowd.acts(f"{name}-{each}")
    crowd.opens("asks", "ours", 1)
    asked = request(crowd.of("asks"), max_in_flight=most)
    assert GUARD.ask(asked, crowd.state, snapshot().facts, at(10)).verdict == verdict, why


def test_a_place_is_free_again_when_its_remediation_ends():
    crowd = Crowd(rule("r"))
    for name in ("first", "asks"):
        crowd.opens(name, "r")
    crowd.acts("first")
    asked = request(crowd.of("asks"))
    assert GUARD.ask(asked, crowd.state, snapshot().facts, at(10)).retry_at >= at(25)
    crowd.ends("first", OutcomeStatus.FAILED)
    assert GUARD.ask(asked, crowd.state, snapshot().facts, at(10)).verdict == "allow"


def test_one_is_the_default():
    assert Limits().max_in_flight == 1
