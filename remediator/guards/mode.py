"""`mode`: the lowest of settings, group, rule and step wins; `off` denies, and `observe` goes on to a rehearsal."""

from __future__ import annotations

from datetime import datetime

from remediator.core.model import Mode, Verdict, allow, deny
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Denies where the effective mode is `off`."""
    seen = {"settings": state.policy.mode, "rule": request.rule.mode, "effective": request.mode}
    seen |= {"step": request.step.mode} if request.step.mode else {}
    if request.mode is Mode.OFF:
        return deny("mode", "switched off", **seen)
    return allow("mode", f"mode is {request.mode}", **seen)


GUARD = Guard("mode", ask, quiet=True)
