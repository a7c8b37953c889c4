"""`global_max_in_flight`: so many remediations at once over all rules, and no more."""

from __future__ import annotations

from datetime import datetime

from remediator.core.memory import Scope
from remediator.core.model import Verdict
from remediator.core.scarcity import in_flight
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while `global_max_in_flight` incidents of any rule act, verify or undo; the most urgent go first."""
    most = request.limits.global_max_in_flight
    return in_flight("global_max_in_flight", most, Scope.GLOBAL, request.incident, request.mode, state, now)


GUARD = Guard("global_max_in_flight", ask, once=True)
