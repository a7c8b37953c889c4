"""`cooldown`: rest for a target after an action, over all rules, counted from the end of that action."""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.core.fold import shadow
from remediator.core.model import Verdict, allow, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds until `cooldown` seconds have passed since the last action's end; at that very instant it allows.

    The rungs of one ladder do not wait for each other: only other incidents' actions count.
    """
    last = state.ended.get(shadow(request.mode) + request.incident.target.key)
    if last is None or last.incident == request.incident.id:
        return allow("cooldown", "no earlier action on this target")
    until = last.at + timedelta(seconds=request.limits.cooldown)
    seen = {"last_action_ended": last.at, "by_incident": last.incident, "cooldown": request.limits.cooldown}
    if now < until:
        return hold("cooldown", f"last action ended at {last.at:%Y-%m-%d %H:%M:%SZ}", until, **seen)
    return allow("cooldown", "has passed", **seen)


GUARD = Guard("cooldown", ask, once=True)
