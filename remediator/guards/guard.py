"""What a guard is: a pure function that answers allow, hold or deny about one proposed step.

All guards are asked and all answers are kept, whatever the first one says. A guard that raises denies.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from remediator.actions.action import Action
from remediator.core.model import Change, Mode, Refusal, Value, Verdict
from remediator.core.rules import Budget, GuardSettings, Policy, Rule, Step
from remediator.core.snapshot import Facts
from remediator.core.state import Incident, State


class Limits(Value, frozen=True):
    """The settings of the guards in force for one rule: the stricter of all that is written, else the defaults.

    `cooldown` in seconds.
    """

    cooldown: float = 30 * 60.0
    budget: Budget = Budget(3, 3600.0)


def limits_of(policy: Policy, rule: Rule) -> Limits:
    """The limits in force for a rule: of what settings and rule say the stricter, a default where neither does."""
    said = (policy.guards, rule.guards)
    return Limits(_cooldown(said), _budget(said))


def _cooldown(said: tuple[GuardSettings, ...]) -> float:
    """The longest is the strictest."""
    values = [each.cooldown for each in said if each.cooldown is not None]
    return max(values) if values else Limits().cooldown


def _budget(said: tuple[GuardSettings, ...]) -> Budget:
    """The fewest actions are the strictest; of equally many those over the longest window."""
    values = [each.budget for each in said if each.budget is not None]
    return min(values, key=lambda budget: (budget.max, -budget.per)) if values else Limits().budget


class Request(Value, frozen=True):
    """One proposed step: whose, which rung, by which action, under which limits and mode, and the planned change."""

    incident: Incident
    rule: Rule
    step: Step
    action: Action
    mode: Mode
    limits: Limits
    change: Change | Refusal | None = None

    @property
    def tells(self) -> bool:
        """Whether the step only tells a person, which no guard holds back unless all is switched off."""
        return self.action.tells and self.mode is not Mode.OFF


Ask = Callable[[Request, State, Facts, datetime], Verdict]


class Guard(Value, frozen=True):
    """One registered guard. A denial of a `quiet` one means "not ours to touch": nobody is told."""

    name: str
    ask: Ask
    quiet: bool = False
