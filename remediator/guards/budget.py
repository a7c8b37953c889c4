"""`budget`: at most `max` actions of a rule in any window of `per`, reserved in the journal with each intent."""

from __future__ import annotations

from datetime import datetime

from remediator.core.memory import Scope
from remediator.core.model import Verdict
from remediator.core.scarcity import budgeted
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while `max` actions of the rule began within the last `per` seconds; one exactly `per` ago is out.

    It frees itself: nothing but time has to pass. Of several waiting incidents the most urgent goes first. Counted in
    the journal, so a restart forgets nothing; a clock that was set back never frees a place early.
    """
    incident, budget = request.incident, request.limits.budget
    return budgeted("budget", budget, Scope.rule(request.rule.name), incident, request.mode, state, now)


GUARD = Guard("budget", ask, once=True)
