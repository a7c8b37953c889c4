"""`last_replica`: never take the last one that is ready away."""

from __future__ import annotations

from datetime import datetime

from remediator.actions.action import Disruption
from remediator.core.model import Verdict, allow, deny
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.core.surroundings import Need
from remediator.guards.guard import Guard, Request, ready_taken, unread


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Denies where no ready pod (or node) would be left before a successor is ready.

    A roll-out that surges first takes nothing away; one that may not (Recreate, a StatefulSet of one) does. What is
    not ready is no loss. `last_replica: allow` says that the rule may.
    """
    if request.action.disrupts is Disruption.NONE:
        return allow("last_replica", f"{request.action.name} takes nothing away")
    if _is_taken(request):
        return allow("last_replica", "the step's first write took it already")
    if request.limits.last_replica == "allow":
        return allow("last_replica", "the rule may take the last one")
    if needs(request, state, facts, now) and (missing := unread("last_replica", Need.SIBLINGS, facts, now)):
        return missing
    ready, left = _left(request, facts)
    if ready and left < 1:
        return deny("last_replica", "no ready one would be left before a successor is ready", ready=ready, left=left)
    return allow("last_replica", f"{left} ready ones stay" if ready else "none is ready", ready=ready, left=left)


def needs(request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    """The siblings, where the target is one of several that stand in for each other: a pod or a node."""
    takes = request.action.disrupts in (Disruption.PODS, Disruption.NODE) and request.limits.last_replica != "allow"
    alike = request.incident.target.kind in ("Pod", "Node")
    return (Need.SIBLINGS,) if takes and alike and not _is_taken(request) else ()


def _is_taken(request: Request) -> bool:
    """A node is taken away once: by the first write of a step of several."""
    return request.under_way and request.action.disrupts is Disruption.NODE


def _left(request: Request, facts: Facts) -> tuple[int, int]:
    """How many are ready, and how many of these stay whatever happens to the target."""
    siblings = facts.around.siblings
    if siblings is not None and request.incident.target.kind in ("Pod", "Node"):
        return siblings.healthy + int(facts.healthy), siblings.healthy
    return facts.ready, facts.ready - ready_taken(request.action, facts)


GUARD = Guard("last_replica", ask, needs=needs)
