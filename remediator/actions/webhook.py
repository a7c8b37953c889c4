"""`webhook`: ask an outside system to do what is to be done, by a receiver's webhook, and wait until it says 2xx.

What it does is not known here: it counts as a roll-out of a workload, and as the loss of a node.
"""

from __future__ import annotations

from remediator.actions.action import (
    Action,
    Disruption,
    Effect,
    Order,
    Planned,
    duration_problem,
    precondition_of,
    unknown_arguments,
)
from remediator.core.grants import NOTHING
from remediator.core.kinds import ref_of
from remediator.core.model import Change, Json, Target, Verb
from remediator.core.snapshot import Facts

TIMEOUT = "5m"


def check(args: Json) -> tuple[str, ...]:
    """`receiver` is a name, `timeout` a duration in whole seconds."""
    wrong = unknown_arguments("webhook", args, "receiver", "timeout")
    if not isinstance(args.get("receiver"), str) or not args.get("receiver"):
        missing = "receiver is missing: name one of the receivers of the settings, as in {receiver: fixer}"
        wrong = (*wrong, missing)
    why = duration_problem("timeout", args.get("timeout", TIMEOUT))
    return (*wrong, why) if why else wrong


def plan(order: Order) -> Planned:
    """The call, about this very object."""
    receiver = order.args["receiver"]
    return Change(
        Verb.CALL,
        ref_of(order.target),
        {"receiver": receiver, "timeout": order.args.get("timeout", TIMEOUT)},
        precondition_of(order.snapshot.live),
        summary=f"ask {receiver} to act on {order.target}",
    )


def effect(args: Json, target: Target, facts: Facts) -> Effect:
    """The worst that an outside system is expected to do to such a target."""
    return Effect(Disruption.NODE if target.kind == "Node" else Disruption.ROLLING)


ACTION = Action(
    "webhook",
    (),
    check,
    plan,
    effect=effect,
    during_rollout=True,
    disrupts=Disruption.ROLLING,
    replaces=False,
    grants=NOTHING,
)
