"""`attempts`: what comes back again and again after success is not cured by it: stop, and tell a person."""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.core.model import Verdict, allow, deny
from remediator.core.snapshot import Facts
from remediator.core.state import State, open_key
from remediator.guards.guard import Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Denies once the same rule and target recovered `max` times within the last `within` seconds.

    A recovery exactly `within` ago no longer counts. The denial is `ineffective` and goes to the ladder's person,
    past every rung that writes.
    """
    limit = request.limits.attempts
    cured = state.cured.get(open_key(request.rule.name, request.incident.target), ())
    recent = sum(now - at < timedelta(seconds=limit.within) for at in cured)
    seen = {"recoveries": recent, "max": limit.max, "within": limit.within}
    if recent >= limit.max:
        return deny("attempts", f"came back after {recent} recoveries in {limit.within:g} s: it does not help", **seen)
    return allow("attempts", f"{recent} recoveries before", **seen)


GUARD = Guard("attempts", ask, once=True)
