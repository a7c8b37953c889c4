"""`evict`: ask the eviction API to end one pod, so that disruption budgets hold; its controller makes another.

A pod that no controller owns would be gone for good and is refused. What a budget does not let go waits.
"""

from __future__ import annotations

from remediator.actions.action import Action, Disruption, Order, Planned, duration_problem, eviction, unknown_arguments
from remediator.core.durations import parse_duration
from remediator.core.grants import evicts
from remediator.core.model import Json, Refusal
from remediator.core.terminating import has_controller, is_mirror


def check(args: Json) -> tuple[str, ...]:
    """`grace_period` is a duration in whole seconds."""
    wrong = unknown_arguments("evict", args, "grace_period")
    why = duration_problem("grace_period", args.get("grace_period", "0s"))
    return (*wrong, why) if why else wrong


def plan(order: Order) -> Planned:
    """The eviction of this very pod."""
    live = order.snapshot.live
    if is_mirror(live):
        return Refusal("it is a static pod: the kubelet keeps it as a file says", "change the file on the node")
    if not has_controller(live):
        return Refusal("no controller owns it: it would be gone for good", "move it by hand")
    grace = order.args.get("grace_period")
    return eviction(live, order.id, None if grace is None else int(parse_duration(grace)))


ACTION = Action("evict", ("Pod",), check, plan, removes=True, disrupts=Disruption.PODS, grants=evicts())
