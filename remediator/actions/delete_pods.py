"""`delete_pods`: clear pods away that have ended, or that a reason keeps from running, of a workload or a namespace.

What has ended is deleted; what may still run is evicted, so that disruption budgets hold. Each pod is this very one,
as it was read: one that changes meanwhile answers 409 and is looked at anew.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from remediator.actions.action import (
    Action,
    Disruption,
    Done,
    Effect,
    Order,
    Planned,
    Refusal,
    Wait,
    deletion,
    eviction,
    unknown_arguments,
)
from remediator.core.amounts import wrong_number
from remediator.core.grants import Grant, evicts, lists
from remediator.core.kinds import KINDS
from remediator.core.model import Json, Ref, Target
from remediator.core.selecting import selector_of
from remediator.core.snapshot import Facts, Listing
from remediator.core.terminating import (
    ENDED,
    PHASES,
    has_controller,
    is_mirror,
    is_ready,
    phase_of,
    reasons_of,
)
from remediator.core.workload import exclude_of

LIMIT = 10
LASTS = 600.0
ASK_AGAIN = timedelta(seconds=5)
OWNED = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")


def check(args: Json) -> tuple[str, ...]:
    """`phase` and `reason` are lists (or one text), `limit` is at least 1. Ready pods are only taken by their phase."""
    wrong = [*unknown_arguments("delete_pods", args, "phase", "reason", "limit"), *wrong_number(args, "limit", 1)]
    for name in ("phase", "reason"):
        values = _texts(args.get(name, "Failed"))
        if not values or not all(isinstance(each, str) and each for each in values):
            wrong.append(f"{name} is {args[name]!r}: it is a list, as in [Failed, Succeeded]")
    strange = [each for each in _texts(args.get("phase", "Failed")) if isinstance(each, str) and each not in PHASES]
    if strange:
        wrong.append(f"phase has {', '.join(strange)}: phases are {', '.join(PHASES)}")
    return tuple(wrong)


def reads(target: Target, live: Json, args: Json) -> tuple[Listing, ...]:
    """The pods of the workload, or of the namespace."""
    if target.kind == "Namespace":
        return (Listing(KINDS["Pod"], target.name),)
    return (Listing(KINDS["Pod"], target.namespace, selector_of(live)),)


def plan(order: Order) -> Planned:
    """The next pod that is asked for, the oldest first, until `limit` or none is left; refused where there is none."""
    asked = _asked(order)
    if not asked and not order.done:
        return Refusal("it has no such pod", "look for another cause")
    if not asked or len(order.done) >= order.args.get("limit", LIMIT):
        return Done(f"{len(order.done)} pods were cleared away, {len(asked)} are left")
    free = [pod for pod in asked if pod["metadata"]["uid"] not in order.snapshot.held]
    if not free:
        why = next(iter(order.snapshot.held.values()))
        return Wait(f"{len(asked)} pods may not go now: {why}", order.snapshot.facts.taken_at + ASK_AGAIN)
    pod = free[0]
    ref = Ref(KINDS["Pod"], pod["metadata"]["namespace"], pod["metadata"]["name"])
    return deletion(ref, pod, order.id) if phase_of(pod) in ENDED else eviction(pod, order.id)


def outlook(order: Order) -> tuple[str, ...]:
    """What goes as things stand."""
    left = order.args.get("limit", LIMIT) - len(order.done)
    return tuple(
        f"{'delete' if phase_of(pod) in ENDED else 'evict'} {pod['metadata']['name']} ({phase_of(pod)})"
        for pod in _asked(order)[:left]
    )


def effect(args: Json, target: Target, facts: Facts) -> Effect:
    """What has ended takes nothing away; of what may still run the ready ones go only where their phase is named."""
    ended = set(_phases(args)) <= set(ENDED)
    return Effect(Disruption.NONE if ended else Disruption.PODS, spares_ready="phase" not in args)


def grants(args: Json) -> tuple[Grant, ...]:
    """Deletions of what has ended; evictions too where what runs may be asked for."""
    pods = KINDS["Pod"]
    deletes = (*lists("Pod"), Grant("get", pods), Grant("patch", pods), Grant("delete", pods))
    return deletes if set(_phases(args)) <= set(ENDED) else (*deletes, *evicts())


def _asked(order: Order) -> list[Json]:
    """The pods that are asked for, are the target's, and may go; each once."""
    gone = {each.uid for each in order.done}
    pods = [pod for pod in order.snapshot.lists["Pod"] if _is_its(pod, order) and _is_asked(pod, order.args)]
    left = [pod for pod in pods if pod["metadata"]["uid"] not in gone and not pod["metadata"].get("deletionTimestamp")]
    return sorted(left, key=lambda pod: (pod["metadata"].get("creationTimestamp", ""), pod["metadata"]["name"]))


def _is_its(pod: Json, order: Order) -> bool:
    """Whether it is one of the target's. The selector of a workload says whose, but for orphans of its labels."""
    return order.target.kind == "Namespace" or has_controller(pod)


def _is_asked(pod: Json, args: Json) -> bool:
    """By phase, and where a reason is given by that; what may still run goes only where another comes for it."""
    phase = phase_of(pod)
    if phase not in _phases(args) or is_mirror(pod) or exclude_of(pod) not in (None, "false"):
        return False
    if "reason" in args and not reasons_of(pod) & set(_texts(args["reason"])):
        return False
    if phase in ENDED:
        return True
    return has_controller(pod) and not (is_ready(pod) and "phase" not in args)


def _phases(args: Json) -> tuple[str, ...]:
    """The phases that are asked for: those that are written; without any a reason may be met in every one."""
    if "phase" in args:
        return tuple(_texts(args["phase"]))
    return PHASES if "reason" in args else ENDED


def _texts(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


ACTION = Action(
    "delete_pods",
    (*OWNED, "Namespace"),
    check,
    plan,
    lasts=lambda args: LASTS,
    outlook=outlook,
    reads=reads,
    during_rollout=True,
    disrupts=Disruption.PODS,
    effect=effect,
    grants=grants,
)
