"""The models of `guards`, in settings, groups and rules alike. What is not written stays None: guards have defaults.

Limits of what may be written are those of what guards remember: a longer window could not be looked back to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.json_schema import WithJsonSchema

from remediator.config.matchers import MatcherError, parse_matchers
from remediator.config.problems import described
from remediator.config.promql import promql_mistake
from remediator.config.shapes import Also, LongSeconds, Seconds, Shape, Text, any_of, said
from remediator.core.guarding import LONGEST_WINDOW, MOST_FAILURES, MOST_IN_WINDOW

_PERCENT = re.compile(r"([0-9]{1,3})%")


def _percent(value: Any) -> int:
    """Whole percent, written with its sign."""
    found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[1]) > 100:
        raise said(f"is {described(value)}, not a share", "write whole percent from 0% to 100%, as in 60%")
    return int(found[1])


def _portion(value: Any) -> Any:
    """A number or a share by itself stands for a mapping with nothing else."""
    if isinstance(value, str):
        return {"share": value}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"count": value}
    if not isinstance(value, Mapping):
        remedy = "write a number, 60%, or {count: 2, share: 60%}"
        raise said(f"is {described(value)}, not a part of the siblings", remedy)
    return value


def _bounded(longest: float, shown: str) -> Any:
    def check(value: float) -> float:
        if value > longest:
            raise said(f"is longer than {shown}", f"write {shown} or less: no more is remembered")
        return value

    return check


Window = Annotated[LongSeconds, AfterValidator(_bounded(LONGEST_WINDOW, "7d"))]
"""A duration that guards can look back to."""

SHARE = {"type": "string", "pattern": "^(?:100|0?[0-9]{1,2})%$", "examples": ["60%"]}
Share = Annotated[int, BeforeValidator(_percent), WithJsonSchema(SHARE)]
"""Whole percent."""

Count = Annotated[int, Field(ge=0)]
Many = Annotated[int, Field(ge=1)]
Names = Annotated[list[Text], Field(min_length=1)]
"""Names of time intervals; an empty list would mean nothing, and is refused."""


def _promql(value: str) -> str:
    mistake = promql_mistake(value)
    if mistake:
        raise said(f"is no query in PromQL: {mistake}", "try it in Prometheus, and put it in quotes")
    return value


def _alert(value: str) -> str:
    try:
        parse_matchers(value)
    except MatcherError as error:
        raise said(error.message, error.remedy, error.offset) from None
    return value


PromQL = Annotated[Text, AfterValidator(_promql)]
"""A query that gives series."""

Alert = Annotated[Text, AfterValidator(_alert)]
"""An alert's name, matchers in braces, or both."""

Queries = Annotated[list[PromQL], Field(min_length=1)]
"""Queries; an empty list would mean nothing, and is refused."""


class BudgetShape(Shape):
    """`budget` and its like: at most `max` actions in any window of `per`."""

    max: Annotated[int, Field(ge=1, le=MOST_IN_WINDOW)]
    per: Window


class PortionShape(Shape):
    """`min_healthy`, `max_unhealthy`: a number and/or a share of the siblings."""

    model_config = any_of("count", "share")
    renamed: ClassVar = {"percent": "share", "number": "count"}

    count: Count | None = None
    share: Share | None = None
    at_least: Count | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.count is None and self.share is None:
            raise said("says neither how many nor which share", "write count: 2, share: 60%, or both")
        return self


Portion = Annotated[PortionShape, BeforeValidator(_portion), Also({"type": "integer", "minimum": 0}, SHARE)]


class StormShape(Shape):
    """`storm`: when so many targets match that the signal is doubted."""

    share: Annotated[Share, Field(ge=1)] | None = None
    at_least: Many | None = None
    cooldown: Annotated[Seconds, AfterValidator(_bounded(LONGEST_WINDOW / 7, "1d"))] | None = None


class BreakerShape(Shape):
    """`breaker`: when an action that keeps failing is stopped."""

    renamed: ClassVar = {"max": "failures", "per": "within"}

    failures: Annotated[int, Field(ge=1, le=MOST_FAILURES)] | None = None
    within: Window | None = None
    open_for: LongSeconds | None = None
    latch: bool | None = None


class AttemptsShape(Shape):
    """`attempts`: how often the same incident may come back after success."""

    max: Annotated[int, Field(ge=1, le=64)] | None = None
    within: Window | None = None


class FlappingShape(Shape):
    """`flapping`: how many changes between firing and clear are too many."""

    transitions: Annotated[int, Field(ge=2, le=64)] | None = None
    within: Window | None = None


class ApprovalShape(Shape):
    """`approval`: who must agree in mode `approve`, and what a silence means."""

    timeout: LongSeconds | None = None
    quorum: Many | None = None
    on_timeout: Literal["escalate", "refuse"] | None = None


class VetoShape(Shape):
    """`veto`: what must not be so, or nothing is done."""

    model_config = any_of("alerts", "queries")
    renamed: ClassVar = {"alert": "alerts", "query": "queries"}

    alerts: Annotated[list[Alert], Field(min_length=1)] | None = None
    queries: Queries | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.alerts is None and self.queries is None:
            raise said("says neither alerts nor queries", "write alerts: [ClusterUpgrade], queries: ['…'], or both")
        return self


class GuardsShape(Shape):
    """`guards`: what holds a rule back, at one level."""

    renamed: ClassVar = {"max_per": "budget", "windows": "active_time_intervals", "window": "active_time_intervals"}

    cooldown: Seconds | None = None
    budget: BudgetShape | None = None
    namespace_budget: BudgetShape | None = None
    zone_budget: BudgetShape | None = None
    global_budget: BudgetShape | None = None
    max_in_flight: Many | None = None
    global_max_in_flight: Many | None = None
    min_healthy: Portion | None = None
    max_unhealthy: Portion | None = None
    storm: StormShape | None = None
    breaker: BreakerShape | None = None
    startup_grace: Seconds | None = None
    active_time_intervals: Names | None = None
    mute_time_intervals: Names | None = None
    require: Queries | None = None
    veto: VetoShape | None = None
    gitops: Literal["refuse", "notify", "allow"] | None = None
    last_replica: Literal["refuse", "allow"] | None = None
    attempts: AttemptsShape | None = None
    flapping: FlappingShape | None = None
    approval: ApprovalShape | None = None

    @model_validator(mode="after")
    def _can_allow(self) -> Self:
        low, high = self.min_healthy, self.max_unhealthy
        none_left = (low is not None and low.share == 100 and low.at_least == 0, "min_healthy")
        none_may = (
            high is not None and (high.count == 0 or (high.share == 0 and high.at_least == 0)),
            "max_unhealthy",
        )
        for never, key in (none_left, none_may):
            if never:
                remedy = "the target itself counts as not healthy: let at least one be so"
                raise said("never allows anything", remedy, at=(key,))
        both = set(self.require or ()) & set((self.veto and self.veto.queries) or ())
        if both:
            remedy = "take it out of one of them"
            raise said("never allows anything: `require` has the same query", remedy, at=("veto", "queries"))
        return self


def guards_of(shape: GuardsShape) -> dict[str, Any]:
    """What one level says, as the core's values are made of: its active intervals are one list among the levels'."""
    found = shape.model_dump(exclude_none=True)
    if shape.active_time_intervals is not None:
        found["active_time_intervals"] = [shape.active_time_intervals]
    return found
