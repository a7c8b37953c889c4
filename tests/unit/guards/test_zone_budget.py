"""Guard `zone_budget`: at most `max` actions on the nodes of one zone, over all rules."""

from __future__ import annotations

import pytest

from remediator.core.guarding import Budget
from remediator.core.memory import Scope
from remediator.core.model import Target
from remediator.core.state import State
from remediator.guards.zone_budget import GUARD
from tests.unit.builders import WEB, at, incident, request, rule, snapshot, state
from tests.unit.waiting import Crowd

NODE = Target("Node", "", "n1")


@pytest.mark.parametrize(
    ("target", "zone", "spent_in", "verdict", "why"),
    [
        (NODE, "a", "a", "hold", "its own zone's budget is used up"),
        (NODE, "a", "b", "allow", "another zone's is not ours"),
        (NODE, "", "", "hold", "nodes without a zone share one, so that a missing label loosens nothing"),
        (WEB, "", "", "allow", "a Deployment stands in no zone"),
    ],
)
def test_when_one_action_in_a_hundred_seconds_allows_another(target, zone, spent_in, verdict, why):
    journal = State(spent=state().spent.set(Scope.zone(spent_in), (at(0),)))
    asked = request(incident(target=target, zone=zone), zone_budget=Budget(1, 100.0))
    assert GUARD.ask(asked, journal, snapshot().facts, at(99)).verdict == verdict, why
    assert GUARD.ask(asked, journal, snapshot().facts, at(100)).verdict == "allow", "exactly 100 s ago is out"


def test_there_is_no_limit_unless_one_is_written():
    journal = State(spent=state().spent.set(Scope.zone("a"), tuple(map(at, range(9)))))
    assert GUARD.ask(request(incident(target=NODE, zone="a")), journal, snapshot().facts, at(9)).verdict == "allow"


def test_an_action_on_a_node_is_counted_in_its_zone():
    crowd = Crowd(rule("r"))
    crowd.opens("n1", "r", kind="Node", namespace="", zone="a")
    crowd.acts("n1", 2)
    assert crowd.state.spent.get(Scope.zone("a")) == (at(2),)
