"""Guard `rollout`: hands off a target that is paused, rolling out or being deleted."""

from __future__ import annotations

import pytest

from remediator.core.model import Target
from remediator.core.surroundings import Namespace, Surroundings
from remediator.guards.rollout import GUARD, needs
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


@pytest.mark.parametrize(
    ("namespace", "unread", "verdict", "reason"),
    [
        (Namespace(), {}, "allow", "may be touched"),
        (Namespace(terminating=True), {}, "hold", "its namespace is being deleted"),
        (None, {}, "hold", "namespace not read yet"),
        (None, {"namespace": "forbidden"}, "hold", "namespace cannot be read: forbidden"),
    ],
)
def test_a_namespace_on_its_way_out_takes_its_workloads_with_it(namespace, unread, verdict, reason):
    around = Surroundings(unread=unread, namespace=namespace, owners=())
    answer = GUARD.ask(request(RESTART), state(), snapshot(rolling_out=False, around=around).facts, START)
    assert (answer.verdict, answer.reason) == (verdict, reason)


def test_a_node_is_in_no_namespace():
    node = incident(target=Target("Node", "", "n1"))
    seen = snapshot(rolling_out=False, around=Surroundings()).facts
    assert GUARD.ask(request(node), state(), seen, START).verdict == "allow"
    assert needs(request(node), state(), seen, START) == ()
    assert needs(request(RESTART), state(), seen, START) == ("namespace",)
