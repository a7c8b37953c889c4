"""Guard `disruption_budget`: what a PodDisruptionBudget protects is not taken away by another door."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.actions.action import Action, Disruption, no_arguments
from remediator.core.model import Target
from remediator.core.surroundings import DisruptionBudget, Surroundings
from remediator.guards.disruption_budget import GUARD, needs
from tests.unit.builders import START, WEB, at, incident, request, snapshot, state

NODE = Target("Node", "", "n1", "uid-n1")


def asked(disrupts: Disruption, target: Target = WEB):
    return replace(request(incident(target=target)), action=Action("act", (), no_arguments, disrupts=disrupts))


def ask(disrupts: Disruption, allowed: tuple[int, ...] | None, target: Target = WEB, **facts):
    budgets = None if allowed is None else tuple(DisruptionBudget(f"b{n}", each) for n, each in enumerate(allowed))
    seen = snapshot(around=Surroundings(disruption_budgets=budgets), **facts).facts
    return GUARD.ask(asked(disrupts, target), state(), seen, START)


@pytest.mark.parametrize(
    ("disrupts", "allowed", "takes_away", "verdict", "why"),
    [
        (Disruption.ROLLING, (0,), 0, "allow", "it surges first; a budget at its limit must not hold back the cure"),
        (Disruption.ROLLING, (0,), 1, "hold", "it would take one more away than may go"),
        (Disruption.ROLLING, (1,), 1, "allow", "one may go"),
        (Disruption.ROLLING, (1,), 2, "hold", "two would"),
        (Disruption.ROLLING, (3, 0), 1, "hold", "every budget must let it"),
        (Disruption.ROLLING, (), 2, "allow", "no budget covers it"),
        (Disruption.PODS, (0,), 0, "hold", "the eviction API would answer 429"),
        (Disruption.PODS, (1,), 0, "allow", "one may go"),
        (Disruption.PODS, (1, 1), 0, "deny", "the eviction API would answer 500"),
        (Disruption.PODS, (), 0, "allow", "no budget covers it"),
        (Disruption.NONE, (0,), 1, "allow", "it takes nothing away"),
    ],
)
def test_what_a_budget_lets_go(disrupts, allowed, takes_away, verdict, why):
    assert ask(disrupts, allowed, takes_away=takes_away, ready=3).verdict == verdict, why


def test_a_pod_that_is_not_ready_is_the_eviction_apis_business():
    assert ask(Disruption.PODS, (0,), ready=0).verdict == "allow"


def test_what_takes_only_pods_that_are_not_ready_takes_nothing_that_a_budget_counts():
    sparing = replace(request(), action=replace(asked(Disruption.PODS).action, spares_ready=True))
    seen = snapshot(around=Surroundings(disruption_budgets=(DisruptionBudget("b0", 0),)), ready=3).facts
    assert GUARD.ask(sparing, state(), seen, START).verdict == "allow"


@pytest.mark.parametrize(
    ("leaves", "verdict", "why"),
    [(0, "hold", "three would go"), (1, "allow", "two may go"), (5, "allow", "none of the ready ones goes")],
)
def test_of_several_that_go_at_once_each_counts(leaves, verdict, why):
    scaling = replace(request(), action=replace(asked(Disruption.PODS).action, leaves=leaves))
    seen = snapshot(around=Surroundings(disruption_budgets=(DisruptionBudget("b0", 2),)), ready=3).facts
    assert GUARD.ask(scaling, state(), seen, START).verdict == verdict, why


def test_the_pods_of_a_node_are_asked_for_one_by_one():
    assert ask(Disruption.NODE, None, NODE).verdict == "allow"


def test_budgets_are_read_where_ready_pods_are_taken_away_and_unread_is_unknown():
    taking, surging = snapshot(takes_away=1).facts, snapshot(takes_away=0).facts
    assert needs(asked(Disruption.ROLLING), state(), taking, START) == ("disruption_budgets",)
    assert needs(asked(Disruption.ROLLING), state(), surging, START) == ()
    answer = ask(Disruption.ROLLING, None, takes_away=1)
    assert (answer.verdict, answer.retry_at) == ("hold", at(15))


def test_the_reason_names_the_budget():
    answer = ask(Disruption.ROLLING, (5, 0), takes_away=1)
    assert answer.reason == "b1 lets fewer than 1 go now"
    assert answer.inputs == {"takes": 1, "allowed": {"b0": 5, "b1": 0}}
