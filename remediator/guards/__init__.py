"""The guards, one file each. A new one is a file, a line below, a test file and a row in docs/guards.md."""

from remediator.guards import (
    attempts,
    budget,
    confirm,
    contention,
    cooldown,
    flapping,
    mode,
    one_hand,
    protected,
    rollout,
)
from remediator.guards.guard import Guard, Limits, Request

GUARDS: tuple[Guard, ...] = tuple(
    module.GUARD
    for module in (mode, protected, rollout, one_hand, cooldown, budget, attempts, flapping, contention, confirm)
)
"""Every guard, in the order in which their answers are shown."""

__all__ = ["GUARDS", "Guard", "Limits", "Request"]
