"""Guard `rollout`: hands off a target that is paused, rolling out or being deleted."""

from __future__ import annotations

import pytest

from remediator.guards.rollout import GUARD
from tests.unit.builders import START, at, incident, request, rule, snapshot, state

RESTART = incident(rule("r", "restart"))
ROLLBACK = incident(rule("r", "rollback"))


@pytest.mark.parametrize(
    ("about", "facts", "verdict", "why"),
    [
        (RESTART, {}, "allow", "nothing is going on"),
        (RESTART, {"rolling_out": True}, "hold", "its owner is at it"),
        (ROLLBACK, {"rolling_out": True}, "allow", "a stuck roll-out is what a rollback is for"),
        (RESTART, {"rolling_out": True, "stuck": True}, "hold", "a restart of a stuck roll-out cures nothing"),
        (RESTART, {"paused": True}, "hold", "its owner paused it"),
        (ROLLBACK, {"paused": True}, "hold", "paused holds a rollback too"),
        (RESTART, {"deleting": True}, "hold", "soon gone, and no reason to wake anybody"),
        (ROLLBACK, {"deleting": True}, "hold", "soon gone, and no reason to wake anybody"),
    ],
)
def test_what_of_a_roll_out_holds_which_action(about, facts, verdict, why):
    seen = snapshot(rolling_out=False).facts if not facts else snapshot(**{"rolling_out": False} | facts).facts
    assert GUARD.ask(request(about), state(), seen, START).verdict == verdict, why


def test_a_hold_asks_again_in_fifteen_seconds():
    assert GUARD.ask(request(RESTART), state(), snapshot(paused=True).facts, START).retry_at == at(15)
