"""`namespace_budget`: at most `max` actions in a namespace in any window of `per`, over all rules and targets."""

from __future__ import annotations

from datetime import datetime

from remediator.core.memory import Scope
from remediator.core.model import Verdict, allow
from remediator.core.scarcity import budgeted
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds as `budget` does, counted in the target's namespace. No limit unless one is written; nodes have none."""
    incident = request.incident
    if not incident.target.within:
        return allow("namespace_budget", "the target is in no namespace")
    scope = Scope.namespace(incident.target.within)
    return budgeted("namespace_budget", request.limits.namespace_budget, scope, incident, request.mode, state, now)


GUARD = Guard("namespace_budget", ask, once=True)
