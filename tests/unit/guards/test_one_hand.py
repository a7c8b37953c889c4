"""Guard `one_hand`: one remediation in flight per target, over all rules."""

from __future__ import annotations

import pytest

from remediator.core.state import State
from remediator.guards.one_hand import GUARD
from tests.unit.builders import START, WEB, at, request, snapshot, state


@pytest.mark.parametrize(
    ("hands", "verdict"),
    [
        ({}, "allow"),
        ({WEB.key: "incident-1"}, "allow"),
        ({WEB.key: "incident-2"}, "hold"),
        ({"Deployment/shop/other": "incident-2"}, "allow"),
        ({"Deployment/other/web": "incident-2"}, "allow"),
        ({"StatefulSet/shop/web": "incident-2"}, "allow"),
    ],
)
def test_whose_hand_on_which_target_holds(hands, verdict):
    journal = State(hands=state().hands.update(hands))
    assert GUARD.ask(request(), journal, snapshot().facts, START).verdict == verdict


def test_the_hold_names_the_holder_and_asks_again_soon():
    journal = State(hands=state().hands.set(WEB.key, "incident-2"))
    verdict = GUARD.ask(request(), journal, snapshot().facts, START)
    assert (verdict.retry_at, verdict.inputs) == (at(5), {"holder": "incident-2"})
