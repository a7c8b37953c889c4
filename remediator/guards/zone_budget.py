"""`zone_budget`: at most `max` actions on the nodes of one zone in any window of `per`, over all rules."""

from __future__ import annotations

from datetime import datetime

from remediator.core.memory import Scope
from remediator.core.model import Verdict, allow
from remediator.core.scarcity import budgeted
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds as `budget` does, counted in the node's zone; nodes without one share a zone. No limit unless written."""
    incident = request.incident
    if incident.target.kind != "Node":
        return allow("zone_budget", "the target is no node")
    scope = Scope.zone(incident.zone)
    return budgeted("zone_budget", request.limits.zone_budget, scope, incident, request.mode, state, now)


GUARD = Guard("zone_budget", ask, once=True)
