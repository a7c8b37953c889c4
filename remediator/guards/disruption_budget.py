"""`disruption_budget`: what a PodDisruptionBudget protects is not taken away by another door."""

from __future__ import annotations

from datetime import datetime

from remediator.actions.action import Disruption
from remediator.core.model import Verdict, allow, deny, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.core.surroundings import Need
from remediator.guards.guard import LOOK_AGAIN, Guard, Request, ready_taken, unread


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while a budget over the target's pods lets fewer go than the action takes away.

    A roll-out takes what its strategy lets go before successors are ready: nothing where it surges first, and not what
    is unavailable already, so that a budget at its limit does not hold back the cure. A pod that several budgets cover
    is denied: the eviction API would answer 500. The pods of a node are asked for one by one, at their eviction.
    """
    wanted = _taken(request, facts)
    if not wanted:
        return allow("disruption_budget", "no ready pod is taken away")
    if missing := unread("disruption_budget", Need.DISRUPTION_BUDGETS, facts, now):
        return missing
    budgets = facts.around.disruption_budgets or ()
    seen = {"takes": wanted, "allowed": {each.name: each.allowed for each in budgets}}
    names = ", ".join(each.name for each in budgets if each.allowed < wanted)
    if request.action.disrupts is Disruption.PODS and len(budgets) > 1:
        return deny("disruption_budget", "several budgets cover the pod: it cannot be evicted", **seen)
    if names:
        return hold("disruption_budget", f"{names} lets fewer than {wanted} go now", now + LOOK_AGAIN, **seen)
    return allow("disruption_budget", f"{wanted} may go", **seen)


def needs(request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    """The budgets, where ready pods are taken away."""
    return (Need.DISRUPTION_BUDGETS,) if _taken(request, facts) else ()


def _taken(request: Request, facts: Facts) -> int:
    """Ready pods that the action takes away before their successors are ready."""
    of_pods = request.action.disrupts in (Disruption.ROLLING, Disruption.PODS)
    return ready_taken(request.action, facts) if of_pods else 0


GUARD = Guard("disruption_budget", ask, needs=needs)
