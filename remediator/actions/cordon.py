"""`cordon`: keep new pods away from a node, exactly what `kubectl cordon` does. What runs there runs on.

A node that is cordoned already stays whose it is: nothing is written, so that nobody's cordon becomes ours.
"""

from __future__ import annotations

from remediator.actions.action import (
    Action,
    Disruption,
    Order,
    Planned,
    UndoOrder,
    annotated,
    no_arguments,
    precondition_of,
)
from remediator.core.cordoning import cordoning, is_cordoned, is_ours, uncordoning
from remediator.core.events import Intent
from remediator.core.grants import PATCHES
from remediator.core.kinds import ref_of
from remediator.core.model import Change, Json, Refusal, Verb


def plan(order: Order) -> Planned:
    """A patch of `spec.unschedulable`; refused where the node is cordoned already."""
    live = order.snapshot.live
    if is_cordoned(live):
        whose = "by an earlier remediation" if is_ours(live) else "by somebody else"
        return Refusal(f"the node is cordoned already, {whose}", "look whether more than a cordon is needed")
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated(cordoning(order.id), order.id),
        precondition_of(live),
        prior={"unschedulable": False},
        summary=f"cordon {order.target}",
    )


def undo(order: UndoOrder) -> Change | Refusal:
    """Lift the cordon; refused where it is not ours any more."""
    live = order.snapshot.live
    if not is_ours(live):
        return Refusal("the cordon is not ours any more: somebody lifted it or set it anew")
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated(uncordoning(), order.id),
        precondition_of(live),
        summary=f"undo the cordon of {order.target}",
    )


def kept(intent: Intent, live: Json) -> bool:
    """Whether nobody has lifted the cordon."""
    return is_cordoned(live)


ACTION = Action(
    "cordon",
    ("Node",),
    no_arguments,
    plan,
    undo,
    kept,
    disrupts=Disruption.NODE,
    replaces=False,
    yields=True,
    grants=PATCHES,
)
