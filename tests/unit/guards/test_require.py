"""Guard `require`: queries that must have a result; it fails closed."""

from __future__ import annotations

import pytest

from remediator.core.surroundings import Gate, Surroundings
from remediator.guards.require import GUARD
from tests.unit.builders import START, at, request, snapshot, state

UP = 'up{job="api"} == 1'


@pytest.mark.parametrize(
    ("required", "gates", "verdict", "why"),
    [
        ((), (), "allow", "nothing is required"),
        ((UP,), (Gate(UP, True),), "allow", "it holds"),
        ((UP,), (Gate(UP, False),), "hold", "it does not hold"),
        ((UP,), (Gate(UP, None, "503"),), "hold", "unknown is no"),
        ((UP,), (), "hold", "it was not asked"),
        ((UP, "x"), (Gate(UP, True),), "hold", "each must hold"),
        ((UP,), (Gate("up", True),), "hold", "another query's answer is none"),
        ((), (Gate(UP, False),), "allow", "what is not required does not count"),
    ],
)
def test_what_must_hold(required, gates, verdict, why):
    asked, seen = request(require=required), snapshot(around=Surroundings(gates=gates)).facts
    assert GUARD.ask(asked, state(), seen, START).verdict == verdict, why


def test_quotes_in_a_query_are_text():
    """kured 174: quotes in a regexp made a filter that blocked reboots for ever."""
    seen = snapshot(around=Surroundings(gates=(Gate(UP, True),))).facts
    assert GUARD.ask(request(require=(UP,)), state(), seen, START).verdict == "allow"


def test_the_reason_says_why_it_is_unknown():
    seen = snapshot(around=Surroundings(gates=(Gate(UP, None, "503"),))).facts
    answer = GUARD.ask(request(require=(UP,)), state(), seen, START)
    assert (answer.reason, answer.retry_at) == (f"unknown whether it holds: {UP}: 503", at(15))
