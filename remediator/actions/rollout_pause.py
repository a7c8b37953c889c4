"""`rollout_pause`: what `kubectl rollout pause` does: the Deployment's template may change, and nothing rolls out.

A roll-out under way stops where it is: what a bad one has not reached yet is kept.
"""

from __future__ import annotations

from remediator.actions.action import Action, Disruption, Order, Planned, no_arguments
from remediator.actions.setting import restore, set_paused, stands
from remediator.core.grants import PATCHES
from remediator.core.model import Refusal


def plan(order: Order) -> Planned:
    """A patch of `spec.paused`; refused where the roll-out is paused already."""
    remedy = "resume it with rollout_resume, or look who paused it"
    return set_paused(order, True) or Refusal("the roll-out is paused already", remedy)


ACTION = Action(
    "rollout_pause",
    ("Deployment",),
    no_arguments,
    plan,
    restore,
    stands,
    during_rollout=True,
    disrupts=Disruption.NONE,
    grants=PATCHES,
)
