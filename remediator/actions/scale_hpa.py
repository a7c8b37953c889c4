"""`scale_hpa`: other bounds for a HorizontalPodAutoscaler, so that one hand alone still sets the replicas."""

from __future__ import annotations

from remediator.actions.action import Action, Disruption, Order, Planned, unknown_arguments
from remediator.actions.setting import restore, setting, stands
from remediator.core.amounts import amount_of, wrong_amount, wrong_number
from remediator.core.grants import PATCHES
from remediator.core.model import Json, Refusal

KEDA = "ScaledObject"


def check(args: Json) -> tuple[str, ...]:
    """`max_replicas: {to|by, cap}`, `min_replicas`, or both. Growth by an amount needs a `cap`."""
    wrong = [*unknown_arguments("scale_hpa", args, "max_replicas", "min_replicas")]
    if not {"max_replicas", "min_replicas"} & set(args):
        wrong.append("write max_replicas or min_replicas, as in max_replicas: {by: +50%, cap: 20}")
    most = args.get("max_replicas", {"to": 1})
    if not isinstance(most, dict):
        wrong.append(f"max_replicas is {most!r}: write it as in {{by: +50%, cap: 20}} or {{to: 10}}")
    else:
        wrong += [f"max_replicas: {each}" for each in _wrong_most(most)]
    return (*wrong, *wrong_number(args, "min_replicas", 1))


def plan(order: Order) -> Planned:
    """A patch of `spec.maxReplicas` and `spec.minReplicas`.

    Refused where the cap is reached, where a ScaledObject keeps the bounds, and where the lower one would be above the
    upper. A share is rounded as for `scale`.
    """
    live, args = order.snapshot.live, order.args
    keeper = next((each for each in live["metadata"].get("ownerReferences") or () if each["kind"] == KEDA), None)
    if keeper is not None:
        return Refusal(
            f"{KEDA} {keeper['name']} keeps its bounds", f"change them there: spec.maxReplicaCount of the {KEDA}"
        )
    most, least = live["spec"]["maxReplicas"], live["spec"].get("minReplicas", 1)
    wanted = _most(args.get("max_replicas"), most)
    lower = args.get("min_replicas", least)
    if lower > wanted:
        return Refusal(
            f"at least {lower} is more than at most {wanted}", "give max_replicas as well, or a lower min_replicas"
        )
    summary = f"let {order.target} scale from {lower} to {wanted} replicas (was {least} to {most})"
    body = {"spec": {"maxReplicas": wanted} | ({"minReplicas": lower} if "min_replicas" in args else {})}
    change = setting(order, body, summary)
    return change or Refusal(
        f"it scales from {least} to {most} replicas already", "raise the cap, or make room by another step"
    )


def _most(args: Json | None, present: int) -> int:
    """The upper bound as it is to be: within `cap`, which never lowers what there is."""
    if args is None:
        return present
    wanted = amount_of(args).of(present)
    return min(wanted, max(args["cap"], present)) if "cap" in args and wanted > present else wanted


def _wrong_most(most: Json) -> tuple[str, ...]:
    wrong = [*unknown_arguments("it", most, "to", "by", "cap"), *wrong_amount(most)]
    wrong += [*wrong_number(most, "cap", 1), *wrong_number(most, "to", 1)]
    if not wrong and amount_of(most).grows and "cap" not in most:
        wrong.append("cap is missing: say how far it may grow, as in {by: +50%, cap: 20}")
    return tuple(wrong)


ACTION = Action(
    "scale_hpa",
    ("HorizontalPodAutoscaler",),
    check,
    plan,
    restore,
    stands,
    disrupts=Disruption.NONE,
    sets=frozenset({"bounds"}),
    grants=PATCHES,
)
