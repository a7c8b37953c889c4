"""`require`: queries that must have a result, or nothing is done."""

from __future__ import annotations

from datetime import datetime

from remediator.core.model import Verdict, allow, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.core.surroundings import Need
from remediator.guards.guard import LOOK_AGAIN, Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while any required query does not hold, is unknown, or was not asked: it fails closed."""
    answers = {gate.text: gate for gate in facts.around.gates or ()}
    for text in request.limits.require:
        gate = answers.get(text)
        if gate is None or gate.holds is None:
            why = gate.reason if gate else "it was not asked"
            return hold("require", f"unknown whether it holds: {text}: {why}", now + LOOK_AGAIN, query=text)
        if not gate.holds:
            return hold("require", f"does not hold: {text}", now + LOOK_AGAIN, query=text)
    return allow("require", "all that is required holds")


def needs(request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    """The answers to all required queries, where any is written."""
    return (Need.GATES,) if request.limits.require else ()


GUARD = Guard("require", ask, needs=needs)
