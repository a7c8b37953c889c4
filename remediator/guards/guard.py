"""What a guard is: a pure function that answers allow, hold or deny about one proposed step.

All guards are asked and all answers are kept, whatever the first one says. A guard that raises denies.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from remediator.actions.action import Action, Disruption, Planned
from remediator.core.guarding import Budget, GuardSettings, Portion, Veto, stricter
from remediator.core.model import Mode, Value, Verdict, hold
from remediator.core.rules import Policy, Rule, Step
from remediator.core.snapshot import Facts
from remediator.core.state import Incident, State
from remediator.core.surroundings import Need

LOOK_AGAIN = timedelta(seconds=15)
"""When a guard is asked again that lacks something it needs to know."""


class Storm(Value, frozen=True):
    """From `share` (whole percent) and `at_least` matched targets on it is a storm; `cooldown` in seconds."""

    share: int = 50
    at_least: int = 3
    cooldown: float = 15 * 60.0


class Breaker(Value, frozen=True):
    """`failures` in a row or `within` seconds open the breaker for `open_for` seconds, or for good where it latches."""

    failures: int = 3
    within: float = 3600.0
    open_for: float = 30 * 60.0
    latch: bool = False


class Attempts(Value, frozen=True):
    """After `max` successes within `within` seconds what comes back is not cured."""

    max: int = 3
    within: float = 6 * 3600.0


class Flapping(Value, frozen=True):
    """So many `transitions` between firing and clear within `within` seconds are flapping."""

    transitions: int = 6
    within: float = 30 * 60.0


class Approval(Value, frozen=True):
    """A plan is approved by `quorum` people within `timeout` seconds; `on_timeout` is escalate or refuse."""

    timeout: float = 15 * 60.0
    quorum: int = 1
    on_timeout: str = "escalate"


class Limits(Value, frozen=True):
    """The settings of the guards in force for one rule: the stricter of all that is written, else the defaults.

    Durations in seconds; `None` where there is no limit. An empty `gitops` leaves it to who owns the target.
    """

    cooldown: float = 30 * 60.0
    budget: Budget = Budget(3, 3600.0)
    namespace_budget: Budget | None = None
    zone_budget: Budget | None = None
    global_budget: Budget | None = None
    max_in_flight: int = 1
    global_max_in_flight: int = 5
    min_healthy: Portion | None = None
    max_unhealthy: Portion | None = None
    storm: Storm = Storm()
    breaker: Breaker = Breaker()
    startup_grace: float = 5 * 60.0
    active_time_intervals: tuple[tuple[str, ...], ...] = ()
    mute_time_intervals: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    veto: Veto = Veto()
    gitops: str = ""
    last_replica: str = "refuse"
    attempts: Attempts = Attempts()
    flapping: Flapping = Flapping()
    approval: Approval = Approval()


def limits_of(policy: Policy, rule: Rule) -> Limits:
    """The limits in force for a rule: of what settings and rule say the stricter, a default where neither does."""
    return _in_force(policy.guards, rule.guards)


@functools.lru_cache(maxsize=1024)
def _in_force(settings: GuardSettings, rule: GuardSettings) -> Limits:
    """Worked out once for each pair of sayings: every guard of every look asks for it."""
    return _filled(Limits(), stricter(settings, rule))


def _filled(default: Any, said: Any) -> Any:
    """The default with what is said in its place; compound settings part by part."""
    found = {}
    for name in default.__struct_fields__:
        value = getattr(said, name)
        if value not in (None, ()):
            here = getattr(default, name)
            found[name] = (
                _filled(here, value) if isinstance(here, Storm | Breaker | Attempts | Flapping | Approval) else value
            )
    return replace(default, **found)


class Request(Value, frozen=True):
    """One proposed step: whose, which rung, by which action, under which limits and mode, and the planned change."""

    incident: Incident
    rule: Rule
    step: Step
    action: Action
    mode: Mode
    limits: Limits
    change: Planned | None = None

    @property
    def writes_nothing(self) -> bool:
        """Whether the step only tells a person or looks, which no guard holds back unless all is switched off."""
        return (self.action.tells or self.action.looks) and self.mode is not Mode.OFF

    @property
    def under_way(self) -> bool:
        """Whether it is about a further write of a step that has begun."""
        return self.incident.under_way

    @property
    def gives_back(self) -> bool:
        """Whether it is about a write that gives back what the step took: like an undo, only the mode can keep it."""
        return self.under_way and (self.action.outlives or self.action.lends is not None)


Ask = Callable[[Request, State, Facts, datetime], Verdict]
Needs = Callable[[Request, State, Facts, datetime], tuple[Need, ...]]


def no_needs(request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    """The target itself is enough."""
    return ()


def unread(guard: str, need: Need, facts: Facts, now: datetime) -> Verdict | None:
    """A hold where something that the guard needs is not known; None where it is."""
    why = facts.around.missing(need)
    return hold(guard, why, now + LOOK_AGAIN, unknown=need) if why else None


class Guard(Value, frozen=True):
    """One registered guard. A denial of a `quiet` one means "not ours to touch": nobody is told.

    `needs` says what around the target must be read before the guard can answer this request; where nothing needs it,
    nothing is read. Where that depends on what was before, `at_most` is all that it may ever need for such a request.
    One that is asked `once` answers for a whole step of several writes; every other protects each of
    them, and is asked again before each.
    """

    name: str
    ask: Ask
    quiet: bool = False
    needs: Needs = no_needs
    once: bool = False
    at_most: Callable[[Request], tuple[Need, ...]] | None = None


def ready_taken(action: Action, facts: Facts) -> int:
    """Ready pods that an action takes away from a workload before their successors are ready; of several at once those
    that are not ready go first.
    """
    if action.disrupts is Disruption.ROLLING:
        return facts.takes_away
    if action.spares_ready:
        return 0
    stay = facts.ready - 1 if action.leaves is None else action.leaves
    return max(facts.ready - max(stay, 0), 0)
