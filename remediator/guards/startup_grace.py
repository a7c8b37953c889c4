"""`startup_grace`: what was created a moment ago is still starting; leave it alone."""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.core.model import Verdict, allow, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import LOOK_AGAIN, Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds until `startup_grace` seconds have passed since the target was created; at that very instant it allows.

    Age is that of the object itself (`creationTimestamp`), by the API server's clock; unknown is too young.
    """
    grace = request.limits.startup_grace
    seen = {"created_at": facts.created_at, "startup_grace": grace}
    if grace <= 0:
        return allow("startup_grace", "no grace is asked for", **seen)
    if facts.created_at is None:
        return hold("startup_grace", "when it was created is not known", now + LOOK_AGAIN, **seen)
    until = facts.created_at + timedelta(seconds=grace)
    if now < until:
        age = (now - facts.created_at).total_seconds()
        return hold("startup_grace", f"it is {age:.0f} s old, and left alone for {grace:g} s", until, **seen)
    return allow("startup_grace", "old enough", **seen)


GUARD = Guard("startup_grace", ask)
