"""`suspend_cronjob`: no further Jobs of a CronJob until a person says otherwise. Jobs that run already go on."""

from __future__ import annotations

from remediator.actions.action import Action, Disruption, Order, Planned, no_arguments
from remediator.actions.setting import restore, setting, stands
from remediator.core.model import Json, Refusal


def check(args: Json) -> tuple[str, ...]:
    """No arguments; `for`, a time after which it is taken back, is refused until something takes it back."""
    if "for" in args:
        return ("for is not supported yet: it would stay suspended; leave it out and resume it by hand",)
    return no_arguments(args)


def plan(order: Order) -> Planned:
    """A patch of `spec.suspend`; refused where it is suspended already."""
    body = {"spec": {"suspend": True}}
    change = setting(order, body, f"suspend {order.target}")
    return change or Refusal("it is suspended already", "look who suspended it")


ACTION = Action(
    "suspend_cronjob",
    ("CronJob",),
    check,
    plan,
    restore,
    stands,
    disrupts=Disruption.NONE,
)
