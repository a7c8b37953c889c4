"""`rollout`: leave a target alone while it is paused, rolling out or being deleted."""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.core.model import Verdict, allow, deny, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request

LOOK_AGAIN = timedelta(seconds=15)


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while paused or rolling out, denies while deleting.

    A roll-out in progress does not hold an action that is made for it (rollback): it may be the fault.
    """
    seen = {"rolling_out": facts.rolling_out, "paused": facts.paused, "deleting": facts.deleting}
    if facts.deleting:
        return deny("rollout", "target is being deleted", **seen)
    if facts.paused:
        return hold("rollout", "roll-out is paused by its owner", now + LOOK_AGAIN, **seen)
    if facts.rolling_out and not request.action.during_rollout:
        return hold("rollout", f"a roll-out is in progress: {facts.health}", now + LOOK_AGAIN, **seen)
    return allow("rollout", "may be touched", **seen)


GUARD = Guard("rollout", ask)
