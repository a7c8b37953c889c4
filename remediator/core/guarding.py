"""What settings, groups and rules may say about guards, and which of several sayings is the stricter.

The reader in `remediator/config/` merges group and rule, `guards.guard.limits_of` that with the settings: both by
`stricter`. A default counts only where nobody says anything, so `None` (or an empty tuple) means "not said here".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from remediator.core.model import Value

LONGEST_WINDOW = 7 * 24 * 3600.0
"""Seconds that what guards remember reaches back; no budget, breaker or storm may look further."""

MOST_IN_WINDOW = 1000
"""Actions that a budget remembers; none may allow more in its window."""

MOST_FAILURES = 100
"""Failures that a breaker may wait for; it remembers enough results for that."""


class Budget(Value, frozen=True):
    """At most `max` actions in any window of `per` seconds."""

    max: int
    per: float


class Portion(Value, frozen=True):
    """A number of siblings and/or a share of them in whole percent; `at_least` is what the share always leaves free.

    Of count and share, where both are said, the stricter counts.
    """

    count: int | None = None
    share: int | None = None
    at_least: int | None = None


class StormSettings(Value, frozen=True):
    """When so many targets match at once that the signal is doubted: `share` in percent, `cooldown` in seconds."""

    share: int | None = None
    at_least: int | None = None
    cooldown: float | None = None


class BreakerSettings(Value, frozen=True):
    """When an action is stopped: `failures` in a row or `within` seconds open the breaker for `open_for` seconds.

    One that `latch`es stays open until a person acknowledges it.
    """

    failures: int | None = None
    within: float | None = None
    open_for: float | None = None
    latch: bool | None = None


class AttemptsSettings(Value, frozen=True):
    """At most `max` successes with the same rule and target `within` seconds: what comes back then is not cured."""

    max: int | None = None
    within: float | None = None


class FlappingSettings(Value, frozen=True):
    """So many `transitions` between firing and clear `within` seconds are flapping."""

    transitions: int | None = None
    within: float | None = None


class ApprovalSettings(Value, frozen=True):
    """How a plan is approved in mode `approve`: by `quorum` different people within `timeout` seconds.

    `on_timeout` is `escalate` (on to the ladder's person) or `refuse` (rest until the signals clear).
    """

    timeout: float | None = None
    quorum: int | None = None
    on_timeout: str | None = None


class Veto(Value, frozen=True):
    """What must not be: alerts that fire (by name or matchers), queries with a result."""

    alerts: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()


class GuardSettings(Value, frozen=True):
    """Settings of the guards as written at one level, or merged from several; `None` where nothing is said.

    Durations are seconds. `active_time_intervals` holds one list for each level that names any: an instant must lie
    in one interval of every list.
    """

    cooldown: float | None = None
    budget: Budget | None = None
    namespace_budget: Budget | None = None
    zone_budget: Budget | None = None
    global_budget: Budget | None = None
    max_in_flight: int | None = None
    global_max_in_flight: int | None = None
    min_healthy: Portion | None = None
    max_unhealthy: Portion | None = None
    storm: StormSettings | None = None
    breaker: BreakerSettings | None = None
    startup_grace: float | None = None
    active_time_intervals: tuple[tuple[str, ...], ...] = ()
    mute_time_intervals: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    veto: Veto | None = None
    gitops: str | None = None  # refuse | notify | allow
    last_replica: str | None = None  # refuse | allow
    attempts: AttemptsSettings | None = None
    flapping: FlappingSettings | None = None
    approval: ApprovalSettings | None = None


def instead(before: Any, said: Any) -> Any:
    """The settings with what is said in their place, whichever is the stricter; compound ones part by part."""
    found = {}
    for name in said.__struct_fields__:
        value = getattr(said, name)
        if value not in (None, ()):
            here = getattr(before, name)
            compound = here is not None and isinstance(value, _COMPOUND)
            found[name] = instead(here, value) if compound else value
    return replace(before, **found)


def unsaid(before: GuardSettings, said: GuardSettings) -> GuardSettings:
    """The settings without anything about those guards of which something is said."""
    plain = GuardSettings()
    names = [name for name in GuardSettings.__struct_fields__ if getattr(said, name) not in (None, ())]
    return replace(before, **{name: getattr(plain, name) for name in names})


_NOTHING = GuardSettings()


def stricter(*levels: GuardSettings) -> GuardSettings:
    """Of what several levels say about each guard, the stricter; in any order."""
    said = [each for each in levels if each != _NOTHING]
    return said[0] if len(said) == 1 else _each(GuardSettings, said, _STRICTER)


def _each(kind: Any, said: Any, pick: dict[str, Callable[[list[Any]], Any]]) -> Any:
    """A value of a kind whose every field is picked from those that say anything about it."""
    found = {}
    for name in kind.__struct_fields__:
        values = [value for each in said if (value := getattr(each, name)) not in (None, ())]
        if values:
            found[name] = pick[name](values)
    return kind(**found)


def _fewest(budgets: list[Budget]) -> Budget:
    """The fewest actions; of equally many those over the longest window."""
    return min(budgets, key=lambda budget: (budget.max, -budget.per))


def _all(lists: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(each for one in lists for each in one))


def _of(kind: Any, **pick: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
    """Each field of a compound setting by itself: what one level says of it and what another says of the rest."""
    return lambda said: _each(kind, said, pick)


def _first_of(*order: str) -> Callable[[list[str]], str]:
    """The strictest word, where `order` begins with it."""
    return lambda said: min(said, key=order.index)


_COMPOUND = (StormSettings, BreakerSettings, AttemptsSettings, FlappingSettings, ApprovalSettings)
"""Settings whose parts are said one by one."""

_STRICTER: dict[str, Callable[[list[Any]], Any]] = {
    "cooldown": max,
    "budget": _fewest,
    "namespace_budget": _fewest,
    "zone_budget": _fewest,
    "global_budget": _fewest,
    "max_in_flight": min,
    "global_max_in_flight": min,
    "min_healthy": _of(Portion, count=max, share=max, at_least=min),
    "max_unhealthy": _of(Portion, count=min, share=min, at_least=min),
    "storm": _of(StormSettings, share=min, at_least=min, cooldown=max),
    "breaker": _of(BreakerSettings, failures=min, within=max, open_for=max, latch=max),
    "startup_grace": max,
    "active_time_intervals": _all,
    "mute_time_intervals": _all,
    "require": _all,
    "veto": _of(Veto, alerts=_all, queries=_all),
    "gitops": _first_of("refuse", "notify", "allow"),
    "last_replica": _first_of("refuse", "allow"),
    "attempts": _of(AttemptsSettings, max=min, within=max),
    "flapping": _of(FlappingSettings, transitions=min, within=max),
    "approval": _of(ApprovalSettings, timeout=min, quorum=max, on_timeout=_first_of("refuse", "escalate")),
}
"""How the stricter of several sayings is found, for each setting."""
