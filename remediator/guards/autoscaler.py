"""`autoscaler`: two hands must not set the replicas of one target."""

from __future__ import annotations

from datetime import datetime

from remediator.core.model import Verdict, allow, deny
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.core.surroundings import Need
from remediator.guards.guard import Guard, Request, unread


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Denies an action that sets `replicas` where a HorizontalPodAutoscaler or a ScaledObject scales the target.

    Holds while that cannot be read.
    """
    if not needs(request, state, facts, now):
        return allow("autoscaler", f"{request.action.name} leaves the replicas alone")
    if missing := unread("autoscaler", Need.AUTOSCALERS, facts, now):
        return missing
    scalers = facts.around.autoscalers or ()
    if scalers:
        reason = f"{', '.join(scalers)} sets the replicas: change its bounds instead, with scale_hpa"
        return deny("autoscaler", reason, autoscalers=scalers)
    return allow("autoscaler", "nothing else scales it")


def needs(request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    """The autoscalers, where the action sets replicas."""
    return (Need.AUTOSCALERS,) if "replicas" in request.action.sets else ()


GUARD = Guard("autoscaler", ask, needs=needs)
