"""`rollout_resume`: what `kubectl rollout resume` does: a paused Deployment rolls its present template out.

Whoever paused it: a rule that has this step says that it may go on.
"""

from __future__ import annotations

from remediator.actions.action import Action, Disruption, Order, Planned, no_arguments
from remediator.actions.setting import restore, set_paused, stands
from remediator.core.grants import PATCHES
from remediator.core.model import Refusal


def plan(order: Order) -> Planned:
    """A patch that takes `spec.paused` away; refused where the roll-out is not paused."""
    return set_paused(order, None) or Refusal("the roll-out is not paused", "look for another cause")


ACTION = Action(
    "rollout_resume",
    ("Deployment",),
    no_arguments,
    plan,
    restore,
    stands,
    during_rollout=True,
    while_paused=True,
    disrupts=Disruption.ROLLING,
    grants=PATCHES,
)
