"""`suspend_cronjob`: no further Jobs of a CronJob, for a while or until a person says otherwise.

Jobs that run already go on. With `for` the suspension is taken back when that time has passed.
"""

from __future__ import annotations

from remediator.actions.action import Action, Disruption, Order, Planned, unknown_arguments
from remediator.actions.setting import restore, setting, stands
from remediator.core.durations import DurationError, parse_duration
from remediator.core.model import Json, Refusal


def check(args: Json) -> tuple[str, ...]:
    """`for` is a duration above 0."""
    return (*unknown_arguments("suspend_cronjob", args, "for"), *_wrong_time(args.get("for", "1s")))


def plan(order: Order) -> Planned:
    """A patch of `spec.suspend`; refused where it is suspended already."""
    body = {"spec": {"suspend": True}}
    change = setting(order, body, f"suspend {order.target}")
    return change or Refusal("it is suspended already", "look who suspended it")


def holds_for(args: Json) -> float | None:
    """Seconds after which the suspension is taken back; None where it is to stay."""
    return parse_duration(args["for"]) if "for" in args else None


def _wrong_time(text: object) -> tuple[str, ...]:
    if not isinstance(text, str):
        return (f"for is {text!r}: it is a duration, as in 1h30m",)
    try:
        seconds = parse_duration(text)
    except DurationError as error:
        return (f"for is no duration: {error.message}; {error.remedy}",)
    return () if seconds > 0 else ("for is 0: leave it out where the suspension is to stay",)


ACTION = Action(
    "suspend_cronjob",
    ("CronJob",),
    check,
    plan,
    restore,
    stands,
    disrupts=Disruption.NONE,
)
