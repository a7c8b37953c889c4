"""Guard `silence`: an alert that somebody silenced, or that nobody shows, is no reason to act."""

from __future__ import annotations

import pytest

from remediator.core.rules import When
from remediator.core.surroundings import Need, Surroundings
from remediator.guards.silence import GUARD
from tests.unit.builders import START, at, incident, request, rule, snapshot, state

BY_ALICE = "KubeFoo is silenced by 3f9a"


@pytest.mark.parametrize(
    ("around", "verdict", "retry_at", "reason"),
    [
        (Surroundings(silences=()), "allow", None, "no alert of it is known to be silenced"),
        (Surroundings(silences=(BY_ALICE,)), "hold", at(60), BY_ALICE),
        (Surroundings(silences=(BY_ALICE, "KubeBar is inhibited by 12")), "hold", at(60), "KubeBar is inhibited by 12"),
        (Surroundings(), "hold", at(15), "silences not read yet"),
        (Surroundings(unread={"silences": "refused"}), "hold", at(15), "silences cannot be read: refused"),
    ],
)
def test_hands_off_what_is_silenced_and_what_is_unknown(around, verdict, retry_at, reason):
    answer = GUARD.ask(request(), state(), snapshot(around=around).facts, START)
    assert (answer.verdict, answer.retry_at) == (verdict, retry_at)
    assert reason in answer.reason


def test_a_rule_without_alerts_asks_no_alertmanager():
    asked, seen = request(incident(rule(when=When(query="up == 0")))), snapshot(around=Surroundings()).facts
    assert GUARD.needs(asked, state(), seen, START) == ()
    assert GUARD.ask(asked, state(), seen, START).allows


def test_what_alertmanager_says_is_needed():
    assert GUARD.needs(request(), state(), snapshot().facts, START) == (Need.SILENCES,)
