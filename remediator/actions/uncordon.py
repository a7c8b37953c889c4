"""`uncordon`: let pods on a node again, exactly what `kubectl uncordon` does; only where the cordon is ours, unless the
rule says that anybody's may be lifted.
"""

from __future__ import annotations

from remediator.actions.action import Action, Disruption, Order, Planned, UndoOrder, annotated, precondition_of
from remediator.core.cordoning import CORDONED, cordoning, is_cordoned, is_ours, uncordoning
from remediator.core.events import Intent
from remediator.core.grants import PATCHES
from remediator.core.kinds import ref_of
from remediator.core.model import Change, Json, Refusal, Verb


def check(args: Json) -> tuple[str, ...]:
    """`foreign` is true or false."""
    wrong = [f"unknown argument {name!r}: uncordon takes foreign" for name in args if name != "foreign"]
    if not isinstance(args.get("foreign", False), bool):
        wrong.append(f"foreign is {args['foreign']!r}: it is true or false")
    return tuple(wrong)


def plan(order: Order) -> Planned:
    """A patch of `spec.unschedulable`; refused where the node is open already, or its cordon somebody else's."""
    live = order.snapshot.live
    if not is_cordoned(live):
        return Refusal("the node is not cordoned")
    if not is_ours(live) and not order.args.get("foreign", False):
        return Refusal("the cordon is somebody else's", "lift it by hand, or say foreign: true")
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated(uncordoning(), order.id),
        precondition_of(live),
        prior={"unschedulable": True, "cordoned": _mark(live) if is_ours(live) else None},
        summary=f"uncordon {order.target}",
    )


def undo(order: UndoOrder) -> Change | Refusal:
    """Cordon it again, with the mark that it had; refused where somebody has done so since."""
    live = order.snapshot.live
    if is_cordoned(live):
        return Refusal("somebody has cordoned the node since")
    body = cordoning(order.id)
    body["metadata"]["annotations"][CORDONED] = order.intent.prior["cordoned"]
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated(body, order.id),
        precondition_of(live),
        summary=f"undo the uncordon of {order.target}",
    )


def kept(intent: Intent, live: Json) -> bool:
    """Whether nobody has cordoned the node again."""
    return not is_cordoned(live)


def _mark(live: Json) -> str | None:
    return (live["metadata"].get("annotations") or {}).get(CORDONED)


ACTION = Action("uncordon", ("Node",), check, plan, undo, kept, disrupts=Disruption.NONE, yields=True, grants=PATCHES)
