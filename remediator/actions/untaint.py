"""`untaint`: take taints off a node, as `kubectl taint KEY-` does; only those that are ours, unless the rule says that
anybody's may go.
"""

from __future__ import annotations

from remediator.actions.action import (
    Action,
    Disruption,
    Order,
    Planned,
    UndoOrder,
    annotated,
    precondition_of,
    taint_problems,
)
from remediator.core.events import Intent
from remediator.core.grants import PATCHES
from remediator.core.kinds import ref_of
from remediator.core.model import Change, Json, Refusal, Verb
from remediator.core.tainting import is_ours, restored, same, taints_of, untainted


def check(args: Json) -> tuple[str, ...]:
    """`key` is needed; `value` and `effect` narrow it down; `foreign` is true or false."""
    wrong = taint_problems("untaint", args, ("key", "value", "effect", "foreign"))
    if not isinstance(args.get("foreign", False), bool):
        wrong = (*wrong, f"foreign is {args['foreign']!r}: it is true or false")
    return wrong


def plan(order: Order) -> Planned:
    """The list of taints without those that are meant; refused where there are none, or one is somebody else's."""
    live, args = order.snapshot.live, order.args
    meant = [each for each in taints_of(live) if _is_meant(each, args)]
    if not meant:
        return Refusal(f"the node has no such taint {args['key']}")
    if not args.get("foreign", False) and not all(is_ours(live, each) for each in meant):
        return Refusal(f"the taint {args['key']} is somebody else's", "take it off by hand, or say foreign: true")
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated(untainted(live, meant), order.id),
        precondition_of(live),
        prior={"taints": meant, "ours": [each for each in meant if is_ours(live, each)]},
        summary=f"untaint {order.target} of {args['key']}",
    )


def undo(order: UndoOrder) -> Change | Refusal:
    """Put back what was taken off; refused where a taint stands in the place of one by now."""
    live, prior = order.snapshot.live, order.intent.prior
    if any(same(one, other) for one in taints_of(live) for other in prior["taints"]):
        return Refusal("somebody has tainted the node anew since")
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated(restored(live, prior["taints"], prior["ours"]), order.id),
        precondition_of(live),
        summary=f"undo the untaint of {order.target}",
    )


def kept(intent: Intent, live: Json) -> bool:
    """Whether nobody has put such a taint back."""
    return not any(same(one, other) for one in taints_of(live) for other in intent.prior["taints"])


def _is_meant(taint: Json, args: Json) -> bool:
    wanted = {name: args[name] for name in ("key", "value", "effect") if name in args}
    return all(taint.get(name, "") == value for name, value in wanted.items())


ACTION = Action("untaint", ("Node",), check, plan, undo, kept, disrupts=Disruption.NONE, yields=True, grants=PATCHES)
