"""`escalate`: tell a person through a receiver. It writes nothing to the cluster; delivery is the notifier's."""

from __future__ import annotations

from remediator.actions.action import Action, Disruption
from remediator.core.grants import NOTHING
from remediator.core.model import Json


def check(args: Json) -> tuple[str, ...]:
    """Exactly `receiver`, a name."""
    wrong = [f"unknown argument {name!r}: escalate takes receiver" for name in args if name != "receiver"]
    if not isinstance(args.get("receiver"), str) or not args.get("receiver"):
        wrong.append("receiver is missing: name one of the receivers of the settings, as in {receiver: oncall}")
    return tuple(wrong)


ACTION = Action("escalate", (), check, tells=True, disrupts=Disruption.NONE, grants=NOTHING)
