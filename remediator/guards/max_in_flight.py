"""`max_in_flight`: so many remediations of one rule at once, from the intent to the proof, and no more."""

from __future__ import annotations

from datetime import datetime

from remediator.core.memory import Scope
from remediator.core.model import Verdict
from remediator.core.scarcity import in_flight
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while `max_in_flight` of the rule's incidents act, verify or undo; the most urgent that wait go first."""
    scope, most = Scope.rule(request.rule.name), request.limits.max_in_flight
    return in_flight("max_in_flight", most, scope, request.incident, request.mode, state, now)


GUARD = Guard("max_in_flight", ask, once=True)
