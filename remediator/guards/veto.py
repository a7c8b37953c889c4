"""`veto`: alerts that must not fire and queries that must have no result, or nothing is done."""

from __future__ import annotations

from datetime import datetime

from remediator.core.model import Verdict, allow, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.core.surroundings import Need
from remediator.guards.guard import LOOK_AGAIN, Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while any of them is so, is unknown, or was not asked: it fails closed."""
    answers = {gate.text: gate for gate in facts.around.gates or ()}
    veto = request.limits.veto
    for text in (*veto.alerts, *veto.queries):
        gate = answers.get(text)
        if gate is None or gate.holds is None:
            why = gate.reason if gate else "it was not asked"
            return hold("veto", f"unknown whether it is so: {text}: {why}", now + LOOK_AGAIN, veto=text)
        if gate.holds:
            return hold("veto", f"vetoed: {text}", now + LOOK_AGAIN, veto=text)
    return allow("veto", "nothing vetoes")


def needs(request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    """The answers about all that vetoes, where any is written."""
    return (Need.GATES,) if request.limits.veto.alerts or request.limits.veto.queries else ()


GUARD = Guard("veto", ask, needs=needs)
