"""Guard `startup_grace`: what was created a moment ago is still starting."""

from __future__ import annotations

import pytest

from remediator.guards.guard import Limits
from remediator.guards.startup_grace import GUARD
from tests.unit.builders import START, at, request, snapshot, state


@pytest.mark.parametrize(
    ("created", "grace", "now", "verdict", "retry_at", "why"),
    [
        (0, 300.0, 0, "hold", 300, "just created"),
        (0, 300.0, 299.999999, "hold", 300, "one microsecond is left"),
        (0, 300.0, 300, "allow", None, "the very instant at which it ends allows"),
        (0, 300.0, 301, "allow", None, "it is over"),
        (100, 300.0, 0, "hold", 400, "the API server's clock is ahead of ours"),
        (None, 300.0, 0, "hold", 15, "an age that is not known is too young"),
        (0, 0.0, 0, "allow", None, "no grace is asked for"),
        (None, 0.0, 0, "allow", None, "no grace is asked for"),
    ],
)
def test_when_a_young_target_may_be_touched(created, grace, now, verdict, retry_at, why):
    seen = snapshot(created_at=None if created is None else at(created)).facts
    answer = GUARD.ask(request(startup_grace=grace), state(), seen, at(now))
    assert (answer.verdict, answer.retry_at) == (verdict, None if retry_at is None else at(retry_at)), why


def test_the_hold_says_how_old_it_is():
    answer = GUARD.ask(request(), state(), snapshot(created_at=START).facts, at(42))
    assert answer.reason == "it is 42 s old, and left alone for 300 s"


def test_five_minutes_are_the_default():
    assert Limits().startup_grace == 300.0
