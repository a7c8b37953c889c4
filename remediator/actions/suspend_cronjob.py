"""`suspend_cronjob`: no further Jobs of a CronJob until a person says otherwise or `for` is over. What runs goes on.

With `for` it is two writes: the suspension, and when its time has come what gives the field back. The journal keeps
when that is, so that no restart forgets it.
"""

from __future__ import annotations

from remediator.actions.action import (
    Action,
    Disruption,
    Done,
    Order,
    Planned,
    UndoOrder,
    Wait,
    duration_problem,
    unknown_arguments,
)
from remediator.actions.setting import giving_back, setting, stands
from remediator.core.durations import parse_duration
from remediator.core.events import Intent
from remediator.core.grants import PATCHES
from remediator.core.model import Change, Json, Refusal

PATIENCE = 600.0
"""Seconds after `for` within which the field must have been given back."""


def check(args: Json) -> tuple[str, ...]:
    """`for` is a duration in whole seconds, above 0."""
    wrong = unknown_arguments("suspend_cronjob", args, "for")
    why = duration_problem("for", args.get("for", "1s"))
    if not why and not lends({"for": "1s"} | args):
        why = "for is 0: it would not be suspended at all"
    return (*wrong, why) if why else wrong


def lends(args: Json) -> float:
    """`for`: the seconds until it runs again; 0 where nothing but a person takes it back."""
    return parse_duration(args["for"]) if "for" in args else 0.0


def lasts(args: Json) -> float:
    """The seconds for both writes; 0 without `for`, which leaves a single one."""
    return lends(args) + PATIENCE if "for" in args else 0.0


def plan(order: Order) -> Planned:
    """A patch of `spec.suspend`, refused where it is suspended already; then a wait, and what takes it back."""
    first = next(iter(order.done), None)
    if first is None:
        until = f" for {order.args['for']}" if "for" in order.args else ""
        change = setting(order, {"spec": {"suspend": True}}, f"suspend {order.target}{until}")
        return change or Refusal("it is suspended already", "look who suspended it")
    if len(order.done) > 1:
        return Done(f"{order.target} runs again")
    if order.due is not None and order.snapshot.facts.taken_at < order.due:
        return Wait(f"suspended until {order.due:%Y-%m-%d %H:%M:%SZ}", order.due)
    return giving_back(order, first.prior, f"let {order.target} run again")


def outlook(order: Order) -> tuple[str, ...]:
    """The writes that are left."""
    again = (f"let {order.target} run again",) if "for" in order.args else ()
    return again if order.done else (f"suspend {order.target}", *again)


def undo(order: UndoOrder) -> Change | Refusal:
    """As it was, where it still is as we set it."""
    if len(order.done) > 1:
        return Refusal("it runs again by now: its time was over")
    prior = order.done[0].prior if order.done else order.intent.prior
    return giving_back(order, prior, f"undo the suspension of {order.target}")


def kept(intent: Intent, live: Json) -> bool:
    """Whether nobody has put the field back; once that is done, by us, nothing is left to be kept."""
    return "fields" not in intent.prior or stands(intent, live)


ACTION = Action(
    "suspend_cronjob",
    ("CronJob",),
    check,
    plan,
    undo,
    kept,
    lasts=lasts,
    lends=lends,
    outlook=outlook,
    disrupts=Disruption.NONE,
    grants=PATCHES,
)
