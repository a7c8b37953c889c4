"""`scale`: another number of replicas, as `kubectl scale` sets it, within bounds.

Where a HorizontalPodAutoscaler or a ScaledObject sets the replicas, the guard `autoscaler` refuses
and names `scale_hpa`.
"""

from __future__ import annotations

import json

from remediator.actions.action import Action, Disruption, Effect, Order, Planned, unknown_arguments
from remediator.actions.setting import restore, setting, stands
from remediator.core.amounts import MOST, amount_of, wrong_amount, wrong_number
from remediator.core.grants import PATCHES
from remediator.core.model import Json, Refusal, Target
from remediator.core.snapshot import Facts

ARGUMENTS = ("to", "by", "last_good", "min", "max")
SETS = frozenset({"replicas"})
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def check(args: Json) -> tuple[str, ...]:
    """Exactly one of `to`, `by` and `last_good: true`; `min` is at most `max`, and `to` between them."""
    wrong = [*unknown_arguments("scale", args, *ARGUMENTS), *_wrong_wish(args)]
    wrong += [*wrong_number(args, "min", 0), *wrong_number(args, "max", 1)]
    if wrong:
        return tuple(wrong)
    least, most = args.get("min", 1), args.get("max", MOST)
    if least > most:
        return (f"min is {least} and max is {most}: max is at least min",)
    if not least <= args.get("to", least) <= most:
        return (f"to is {args['to']}, out of the bounds {least} to {most}: write min and max that hold it",)
    return ()


def plan(order: Order) -> Planned:
    """A patch of `spec.replicas`; refused where bounds leave the number as it is, or no last good one is known.

    `min` is 1 unless given, so that nothing is scaled to none by mistake. Without `max` one step at most doubles what
    there is, and makes 1 of none.
    """
    present = order.snapshot.live["spec"].get("replicas", 1)
    wanted = _last_good(order, present) if "last_good" in order.args else amount_of(order.args).of(present)
    if isinstance(wanted, Refusal):
        return wanted
    bounded = _within(order.args, wanted, present)
    note = f" ({wanted} is out of bounds)" if bounded != wanted else ""
    summary = f"scale {order.target} from {present} to {bounded} replicas{note}"
    change = setting(order, {"spec": {"replicas": bounded}}, summary)
    return change or Refusal(f"it has {present} replicas already{note}", "give it other bounds, or another step")


def _wrong_wish(args: Json) -> tuple[str, ...]:
    if "last_good" not in args:
        return wrong_amount(args)
    if args["last_good"] is not True:
        return (f"last_good is {args['last_good']!r}: write last_good: true, or to or by in its place",)
    return ("write one of to, by and last_good, not several",) if "to" in args or "by" in args else ()


def effect(args: Json, target: Target, facts: Facts) -> Effect:
    """Pods are taken away where it ends with fewer than are wanted; what is last good is not known beforehand."""
    present = facts.desired
    wanted = present if "last_good" in args else _within(args, amount_of(args).of(present), present)
    if wanted < present:
        return Effect(Disruption.PODS, SETS, leaves=wanted)
    return Effect(Disruption.NONE, SETS)


def _within(args: Json, wanted: int, present: int) -> int:
    """The number within the bounds: `max` outweighs `min`; a bound never turns growth into a reduction, nor back."""
    if wanted == present:
        return present
    most = args.get("max") or (max(2 * present, 1) if "by" in args else wanted)
    bounded = min(max(wanted, args.get("min", 1)), max(most, args.get("min", 1)))
    return max(bounded, present) if wanted > present else min(bounded, present)


def _last_good(order: Order, present: int) -> int | Refusal:
    """The number with which it was last seen healthy, else the one that was last applied, other than the present."""
    seen = [each.replicas for each in order.good if each.replicas and each.uid == order.target.uid]
    applied = _applied(order.snapshot.live)
    found = [*reversed(seen), *([applied] if applied else [])]
    if not found:
        return Refusal("no last good number of replicas is known", "name it: scale: {to: N}")
    return found[0]


def _applied(live: Json) -> int | None:
    """The replicas that `kubectl apply` last wrote; None where it did not."""
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        replicas = json.loads(text)["spec"]["replicas"] if text else None
    except (ValueError, KeyError, TypeError):
        return None
    return replicas if isinstance(replicas, int) and not isinstance(replicas, bool) else None


ACTION = Action(
    "scale",
    ("Deployment", "StatefulSet", "ReplicaSet"),
    check,
    plan,
    restore,
    stands,
    during_rollout=True,
    disrupts=Disruption.PODS,
    sets=SETS,
    effect=effect,
    grants=PATCHES,
)
