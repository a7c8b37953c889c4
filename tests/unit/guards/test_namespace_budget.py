"""Guard `namespace_budget`: at most `max` actions in one namespace, over all rules."""

from __future__ import annotations

import pytest

from remediator.core.fold.budgets import scopes_of
from remediator.core.guarding import Budget
from remediator.core.memory import Scope
from remediator.core.model import Mode, Target
from remediator.core.state import State
from remediator.guards.namespace_budget import GUARD
from tests.unit.builders import WEB, at, incident, request, rule, snapshot, state

SHOP = Scope.namespace("shop")
TWO = Budget(2, 100.0)
NODE = Target("Node", "", "n1")


def ask(spent: dict[str, tuple[float, ...]], now: float, target: Target = WEB, mode=Mode.ENFORCE, budget=TWO):
    journal = State(spent=state().spent.update({key: tuple(map(at, times)) for key, times in spent.items()}))
    asked = request(incident(rule("any"), target), mode, namespace_budget=budget)
    return GUARD.ask(asked, journal, snapshot().facts, at(now))


@pytest.mark.parametrize(
    ("spent", "now", "verdict", "why"),
    [
        ({}, 0, "allow", "nothing was done there"),
        ({SHOP: (0,)}, 1, "allow", "one of two"),
        ({SHOP: (0, 10)}, 99.999999, "hold", "one microsecond is left"),
        ({SHOP: (0, 10)}, 100, "allow", "one that began exactly 100 s ago is out"),
        ({Scope.namespace("cart"): (0, 10)}, 20, "allow", "another namespace's actions are not ours"),
        ({Scope.rule("any"): (0, 10)}, 20, "allow", "what a rule did elsewhere is counted elsewhere"),
        ({f"shadow:{SHOP}": (0, 10)}, 20, "allow", "a preview takes nothing from what is enforced"),
    ],
)
def test_when_two_actions_in_a_hundred_seconds_allow_a_third(spent, now, verdict, why):
    assert ask(spent, now).verdict == verdict, why


def test_observe_mode_spends_a_budget_of_its_own():
    assert ask({f"shadow:{SHOP}": (0, 10)}, 20, mode=Mode.OBSERVE).verdict == "hold"


def test_a_node_is_in_no_namespace():
    assert ask({Scope.namespace(""): (0, 10)}, 20, NODE).verdict == "allow"


def test_the_namespace_itself_counts_with_what_is_in_it():
    itself = Target("Namespace", "", "shop")
    assert ask({SHOP: (0, 10)}, 20, itself).verdict == "hold"
    assert SHOP in scopes_of(incident(target=itself))


def test_there_is_no_limit_unless_one_is_written():
    assert ask({SHOP: (0, 1, 2, 3, 4, 5)}, 6, budget=None).verdict == "allow"
