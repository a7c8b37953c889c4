"""`budget`: at most `max` actions of a rule in any window of `per`, reserved in the journal with each intent."""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.core.fold import shadow
from remediator.core.model import Verdict, allow, deny, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while `max` actions began within the last `per` seconds; one that began exactly `per` ago is out."""
    budget = request.limits.budget
    if budget.max <= 0:
        return deny("budget", "a budget of 0 never allows anything", max=budget.max, per=budget.per)
    window = timedelta(seconds=budget.per)
    spent = state.spent.get(shadow(request.mode) + request.rule.name, ())
    recent = sorted(at for at in spent if now - at < window)
    seen = {"used": len(recent), "max": budget.max, "per": budget.per}
    if len(recent) < budget.max:
        return allow("budget", f"{len(recent)} of {budget.max} used", **seen)
    frees = recent[-budget.max] + window
    return hold("budget", f"{len(recent)} of {budget.max} used in {budget.per:g} s", frees, **seen)


GUARD = Guard("budget", ask)
