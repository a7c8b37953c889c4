"""`drain`: cordon a node, then evict its pods, one write after the other; which pods, `kubectl drain` would say too.

Only the eviction API is asked, so that disruption budgets hold: a pod that may not go now (429) is passed over for
the others and asked for again, until `timeout`. Each pass lists the node anew and names each pod by its uid.
"""

from __future__ import annotations

from datetime import timedelta

from remediator.actions.action import (
    Action,
    Disruption,
    Done,
    Order,
    Planned,
    UndoOrder,
    Wait,
    annotated,
    duration_problem,
    eviction,
    precondition_of,
)
from remediator.core.cordoning import cordoning, is_cordoned, is_ours, uncordoning
from remediator.core.draining import Sorted, Ways, is_going, is_lost, name_of, sort
from remediator.core.durations import parse_duration
from remediator.core.events import Intent
from remediator.core.grants import PATCHES, evicts, lists
from remediator.core.kinds import KINDS, ref_of
from remediator.core.model import Change, Json, Refusal, Target, Verb
from remediator.core.snapshot import Listing

ARGUMENTS = ("timeout", "ignore_daemonsets", "delete_empty_dir", "grace_period")
TIMEOUT = "10m"
ASK_AGAIN = timedelta(seconds=5)
"""When the API server is asked again about pods that may not go now: kubectl's own patience."""
LOOK_AGAIN = timedelta(seconds=2)


def check(args: Json) -> tuple[str, ...]:
    """`timeout` is a duration above 0, `grace_period` one in whole seconds, the others are true or false."""
    wrong = [f"unknown argument {name!r}: drain takes {', '.join(ARGUMENTS)}" for name in args if name not in ARGUMENTS]
    wrong += [
        f"{name} is {args[name]!r}: it is true or false"
        for name in ("ignore_daemonsets", "delete_empty_dir")
        if not isinstance(args.get(name, True), bool)
    ]
    wrong += [why for name in ("timeout", "grace_period") if (why := duration_problem(name, args.get(name, TIMEOUT)))]
    if not wrong and lasts(args) == 0:
        wrong.append("timeout is 0: a drain takes some time; kubectl's endless wait is not offered")
    return tuple(wrong)


def lasts(args: Json) -> float:
    """`timeout`: the seconds from the cordon to the last pod's end."""
    return parse_duration(args.get("timeout", TIMEOUT))


def reads(target: Target, live: Json, args: Json) -> tuple[Listing, ...]:
    """The node's pods, and the DaemonSets that some of them may belong to."""
    return Listing(KINDS["Pod"], fields=f"spec.nodeName={target.name}"), Listing(KINDS["DaemonSet"])


def plan(order: Order) -> Planned:
    """The cordon, then one eviction after the other, then the wait for the last to end.

    Refused, before the cordon too, where a pod forbids it.
    """
    live, pods = order.snapshot.live, _pods(order)
    if pods.against:
        return Refusal(f"cannot be drained: {'; '.join(pods.against)}", "move these pods by hand, or allow it")
    if not is_cordoned(live):
        return _cordon(order)
    left = [pod for pod in pods.going if not is_going(pod)]
    free = [pod for pod in left if pod["metadata"]["uid"] not in order.snapshot.held]
    if free:
        return eviction(free[0], order.id, _grace(order.args))
    return _wait(order, left, pods) or Done(f"{order.target} is cordoned, and no pod is left that a drain takes away")


def _wait(order: Order, left: list[Json], pods: Sorted) -> Wait | None:
    """What is waited for: pods that may not go, then those that are going; None where there are none."""
    now, held = order.snapshot.facts.taken_at, order.snapshot.held
    if left:
        whys = "; ".join(f"{name_of(pod)}: {held[pod['metadata']['uid']]}" for pod in left[:3])
        return Wait(f"{len(left)} pods may not go now: {whys}", now + ASK_AGAIN)
    ending = [name_of(pod) for pod in pods.going if not is_lost(pod, order.snapshot.live, now)]
    return Wait(f"{len(ending)} pods are ending: {', '.join(ending[:5])}", now + LOOK_AGAIN) if ending else None


def outlook(order: Order) -> tuple[str, ...]:
    """The cordon and the evictions that are left as things stand."""
    cordon = () if is_cordoned(order.snapshot.live) else (f"cordon {order.target}",)
    return (*cordon, *(f"evict {name_of(pod)}" for pod in _pods(order).going if not is_going(pod)))


def _pods(order: Order) -> Sorted:
    lists, args = order.snapshot.lists, order.args
    ways = Ways(args.get("ignore_daemonsets", True), args.get("delete_empty_dir", False))
    return sort(lists["Pod"], lists["DaemonSet"], ways)


def _grace(args: Json) -> int | None:
    return int(parse_duration(args["grace_period"])) if "grace_period" in args else None


def _cordon(order: Order) -> Change:
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated(cordoning(order.id), order.id),
        precondition_of(order.snapshot.live),
        prior={"unschedulable": False},
        summary=f"drain {order.target}: cordon it first",
    )


def undo(order: UndoOrder) -> Change | Refusal:
    """Lift the cordon, where this drain set it and it is ours still. What was evicted runs elsewhere by now."""
    if not any("unschedulable" in each.prior for each in order.done):
        return Refusal("the node was cordoned before: it stays so")
    if not is_ours(order.snapshot.live):
        return Refusal("the cordon is not ours any more: somebody lifted it or set it anew")
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated(uncordoning(), order.id),
        precondition_of(order.snapshot.live),
        summary=f"undo the drain of {order.target}: uncordon it",
    )


def kept(intent: Intent, live: Json) -> bool:
    """Whether nobody has lifted the cordon."""
    return is_cordoned(live)


ACTION = Action(
    "drain",
    ("Node",),
    check,
    plan,
    undo,
    kept,
    lasts=lasts,
    outlook=outlook,
    reads=reads,
    disrupts=Disruption.NODE,
    yields=True,
    grants=(*PATCHES, *lists("Pod", "DaemonSet", everywhere=True), *evicts(everywhere=True)),
)
