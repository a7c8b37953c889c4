"""`taint`: put a taint on a node, as `kubectl taint` does without `--overwrite`: what is there is never replaced."""

from __future__ import annotations

from remediator.actions.action import (
    Action,
    Disruption,
    Order,
    Planned,
    UndoOrder,
    annotated,
    instant,
    precondition_of,
    taint_problems,
)
from remediator.core.events import Intent
from remediator.core.grants import PATCHES
from remediator.core.kinds import ref_of
from remediator.core.model import Change, Json, Refusal, Verb
from remediator.core.tainting import EFFECTS, is_ours, same, tainted, taints_of, untainted


def check(args: Json) -> tuple[str, ...]:
    """`key` and `effect` are needed, `value` may be empty; a key of the node controller's own is refused."""
    wrong = taint_problems("taint", args, ("key", "value", "effect"))
    if "effect" not in args:
        wrong = (*wrong, f"effect is missing: name one of {', '.join(EFFECTS)}")
    return wrong


def plan(order: Order) -> Planned:
    """The list of taints with one more; refused where one of this key and effect is there, whatever its value."""
    live, wanted = order.snapshot.live, {"key": order.args["key"], "effect": order.args["effect"]}
    if there := next((each for each in taints_of(live) if same(each, wanted)), None):
        whose = "an earlier remediation's" if is_ours(live, there) else "somebody else's"
        return Refusal(f"the node has a taint {wanted['key']}:{wanted['effect']} already, {whose}")
    value = {"value": order.args["value"]} if order.args.get("value") else {}
    taint = wanted | value | {"timeAdded": instant(order.snapshot.facts.taken_at)}
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated(tainted(live, taint), order.id),
        precondition_of(live),
        prior={"taint": taint},
        summary=f"taint {order.target} with {wanted['key']}:{wanted['effect']}",
    )


def undo(order: UndoOrder) -> Change | Refusal:
    """Take the taint away; refused where it is not ours any more."""
    live, taint = order.snapshot.live, order.intent.prior["taint"]
    there = [each for each in taints_of(live) if same(each, taint) and is_ours(live, each)]
    if not there:
        return Refusal("the taint is not ours any more: somebody took it away or set it anew")
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated(untainted(live, there), order.id),
        precondition_of(live),
        summary=f"undo the taint of {order.target}",
    )


def kept(intent: Intent, live: Json) -> bool:
    """Whether nobody has taken the taint away."""
    return any(same(each, intent.prior["taint"]) for each in taints_of(live))


ACTION = Action("taint", ("Node",), check, plan, undo, kept, disrupts=Disruption.NODE, yields=True, grants=PATCHES)
