"""`capacity`: what a step takes away must be able to come back, or the step makes it worse."""

from __future__ import annotations

from datetime import datetime

from remediator.actions.action import Disruption
from remediator.core.kinds import WORKLOADS
from remediator.core.model import Verdict, allow, deny, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.core.surroundings import Need
from remediator.guards.guard import LOOK_AGAIN, Guard, Request, unread


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Denies where the API server would not create the successor (admission, quota, pod security), or no other node has
    room for it; holds where that cannot be known.

    Asked where ready pods go before their successors are there: of a roll-out that surges first nothing is lost, and
    what is not ready is no loss. Room is looked for only for the pods of a node: elsewhere the pod that goes leaves its
    own. Demands on a place that are not looked at (volumes, affinity between pods) are named and hold nothing back.
    """
    if not needs(request, state, facts, now):
        return allow("capacity", "nothing that is ready goes before its successor is there")
    if missing := unread("capacity", Need.CAPACITY, facts, now):
        return missing
    capacity = facts.around.capacity
    assert capacity is not None, "what was not read is missing"
    seen = {"refused": capacity.refused, "unplaced": capacity.unplaced, "not_considered": capacity.beyond}
    if capacity.refused:
        return deny("capacity", f"it could not be created anew: {'; '.join(capacity.refused[:3])}", **seen)
    if capacity.unplaced:
        names = ", ".join(capacity.unplaced[:5])
        return deny("capacity", f"no other node has room for {len(capacity.unplaced)} pods: {names}", **seen)
    if capacity.unknown:
        why = f"whether it could be created anew is unknown: {'; '.join(capacity.unknown[:3])}"
        return hold("capacity", why, now + LOOK_AGAIN, **seen)
    besides = f"; not considered: {', '.join(capacity.beyond)}" if capacity.beyond else ""
    return allow("capacity", f"it can come up anew{besides}", **seen)


def needs(request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    """The capacity, where ready pods are taken away before others take their place."""
    known = request.incident.target.kind in (*WORKLOADS, "Pod", "Node")
    return (Need.CAPACITY,) if known and request.action.replaces and _takes(request, facts) else ()


def _takes(request: Request, facts: Facts) -> bool:
    match request.action.disrupts:
        case Disruption.ROLLING:
            return facts.takes_away > 0
        case Disruption.PODS:
            return facts.ready > 0 and not request.action.spares_ready
        case Disruption.NODE:
            return True
        case _:
            return False


GUARD = Guard("capacity", ask, needs=needs, once=True)
