"""Guard `last_replica`: never take the last one that is ready away."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.actions.action import Action, Disruption, no_arguments
from remediator.core.model import Target
from remediator.core.surroundings import Namespace, Siblings, Surroundings
from remediator.guards.last_replica import GUARD, needs
from tests.unit.builders import START, WEB, incident, request, snapshot, state

POD, NODE = Target("Pod", "shop", "web-1", "uid-1"), Target("Node", "", "n1", "uid-n1")


def action(disrupts: Disruption) -> Action:
    return Action("act", (), no_arguments, disrupts=disrupts)


def ask(disrupts: Disruption, target: Target = WEB, last_replica: str = "refuse", siblings=None, **facts):
    around = Surroundings(namespace=Namespace(), owners=(), siblings=siblings)
    asked = replace(request(incident(target=target), last_replica=last_replica), action=action(disrupts))
    return GUARD.ask(asked, state(), snapshot(around=around, **facts).facts, START)


@pytest.mark.parametrize(
    ("disrupts", "ready", "takes_away", "verdict", "why"),
    [
        (Disruption.ROLLING, 1, 0, "allow", "the only one stays until its successor is ready"),
        (Disruption.ROLLING, 1, 1, "deny", "the only one would go first"),
        (Disruption.ROLLING, 3, 3, "deny", "all would go first"),
        (Disruption.ROLLING, 3, 2, "allow", "one stays"),
        (Disruption.ROLLING, 0, 0, "allow", "none is ready: nothing to lose"),
        (Disruption.PODS, 1, 0, "deny", "the only one would be deleted"),
        (Disruption.PODS, 2, 0, "allow", "one stays"),
        (Disruption.PODS, 0, 0, "allow", "none is ready: nothing to lose"),
        (Disruption.NONE, 1, 1, "allow", "it takes nothing away"),
    ],
)
def test_what_of_a_workload_stays(disrupts, ready, takes_away, verdict, why):
    assert ask(disrupts, ready=ready, takes_away=takes_away).verdict == verdict, why


def test_the_last_ready_one_stays_where_only_what_is_not_ready_goes():
    sparing = replace(request(incident(target=WEB)), action=replace(action(Disruption.PODS), spares_ready=True))
    assert GUARD.ask(sparing, state(), snapshot(ready=1).facts, START).verdict == "allow"


@pytest.mark.parametrize(
    ("ready", "leaves", "verdict", "why"),
    [
        (3, 0, "deny", "all would go at once"),
        (3, 1, "allow", "one stays"),
        (1, 2, "allow", "what is not ready goes first"),
        (0, 0, "allow", "none is ready: nothing to lose"),
    ],
)
def test_what_stays_of_several_that_go_at_once(ready, leaves, verdict, why):
    scaling = replace(request(incident(target=WEB)), action=replace(action(Disruption.PODS), leaves=leaves))
    assert GUARD.ask(scaling, state(), snapshot(ready=ready).facts, START).verdict == verdict, why


@pytest.mark.parametrize("target", [POD, NODE])
@pytest.mark.parametrize(
    ("healthy", "others", "verdict", "why"),
    [
        (True, 0, "deny", "it is the last ready one"),
        (True, 1, "allow", "another one stays"),
        (False, 0, "allow", "it is not ready: nothing to lose"),
        (False, 1, "allow", "it is not ready"),
    ],
)
def test_what_stays_beside_a_pod_or_a_node(target, healthy, others, verdict, why):
    disrupts = Disruption.PODS if target is POD else Disruption.NODE
    assert ask(disrupts, target, siblings=Siblings(3, others), healthy=healthy).verdict == verdict, why


def test_the_rule_may_say_that_it_may():
    assert ask(Disruption.ROLLING, last_replica="allow", ready=1, takes_away=1).verdict == "allow"


def test_siblings_are_read_where_they_stand_in_for_each_other_and_else_not():
    def wants(disrupts: Disruption, target: Target, **limits: str):
        asked = replace(request(incident(target=target), **limits), action=action(disrupts))
        return needs(asked, state(), snapshot().facts, START)

    assert wants(Disruption.PODS, POD) == wants(Disruption.NODE, NODE) == ("siblings",)
    assert wants(Disruption.ROLLING, WEB) == wants(Disruption.NONE, NODE) == ()
    assert wants(Disruption.PODS, POD, last_replica="allow") == ()
    assert ask(Disruption.PODS, POD).verdict == "hold", "unread is unknown"
