"""`global_budget`: at most `max` actions in any window of `per`, over all rules, namespaces and targets."""

from __future__ import annotations

from datetime import datetime

from remediator.core.memory import Scope
from remediator.core.model import Verdict
from remediator.core.scarcity import budgeted
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds as `budget` does, counted over everything. No limit unless one is written."""
    budget = request.limits.global_budget
    return budgeted("global_budget", budget, Scope.GLOBAL, request.incident, request.mode, state, now)


GUARD = Guard("global_budget", ask, once=True)
