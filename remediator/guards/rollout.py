"""`rollout`: leave a target alone while it is paused, rolling out or being deleted, and its namespace with it."""

from __future__ import annotations

from datetime import datetime

from remediator.core.model import Verdict, allow, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.core.surroundings import Need
from remediator.guards.guard import LOOK_AGAIN, Guard, Request, unread


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while the target is paused, rolling out or being deleted, or its namespace is on its way out.

    A roll-out in progress does not hold an action that is made for it (rollback): it may be the fault; nor a pause
    one that ends it. A deletion is somebody's wish and no reason to call anybody: it ends in the incident's
    cancellation once the target is gone.
    """
    seen = {"rolling_out": facts.rolling_out, "paused": facts.paused, "deleting": facts.deleting}
    if facts.deleting:
        return hold("rollout", "target is being deleted", now + LOOK_AGAIN, **seen)
    if request.incident.target.namespace:
        if missing := unread("rollout", Need.NAMESPACE, facts, now):
            return missing
        if facts.around.namespace is not None and facts.around.namespace.terminating:
            return hold("rollout", "its namespace is being deleted", now + LOOK_AGAIN, **seen)
    if facts.paused and not request.action.while_paused:
        return hold("rollout", "roll-out is paused by its owner", now + LOOK_AGAIN, **seen)
    if facts.rolling_out and not request.action.during_rollout:
        return hold("rollout", f"a roll-out is in progress: {facts.health}", now + LOOK_AGAIN, **seen)
    return allow("rollout", "may be touched", **seen)


def needs(request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    """The namespace of what is in one."""
    return (Need.NAMESPACE,) if request.incident.target.namespace else ()


GUARD = Guard("rollout", ask, needs=needs)
