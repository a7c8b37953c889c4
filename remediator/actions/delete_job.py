"""`delete_job`: what `kubectl delete job` does: the Job goes, and its pods with it."""

from __future__ import annotations

from remediator.actions.action import Action, Disruption, Order, Planned, deletion, no_arguments
from remediator.core.grants import PATCHES, Grant
from remediator.core.kinds import ref_of


def plan(order: Order) -> Planned:
    """The deletion of this very Job; its pods are collected in the background, as kubectl has it."""
    return deletion(ref_of(order.target), order.snapshot.live, order.id, {"propagationPolicy": "Background"})


ACTION = Action(
    "delete_job",
    ("Job",),
    no_arguments,
    plan,
    removes=True,
    disrupts=Disruption.PODS,
    grants=(Grant("delete"), *PATCHES),
)
