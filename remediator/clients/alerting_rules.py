"""Prometheus' alerting rules as it runs them: whether they are evaluated, and which alerts they have at present."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from remediator.clients.prometheus import Prometheus
from remediator.clients.prometheus_api import NotTold, told
from remediator.core.model import Value

RULES = "/api/v1/rules?type=alert"
RUNTIME = "/api/v1/status/runtimeinfo"

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class AlertingRule(Value, frozen=True):
    """One rule. `interval` is its group's, in seconds; `last_evaluation` is in the year 1 before the first one."""

    name: str
    query: str = ""
    labels: dict[str, str] = {}
    health: str = ""
    last_error: str = ""
    last_evaluation: datetime | None = None
    interval: float = 60.0
    alerts: tuple[dict[str, str], ...] = ()
    """Label sets that are pending or firing."""


class Rules(Value, frozen=True):
    """All alerting rules, and the instant from which Prometheus runs as it does now: its start or last reload."""

    rules: tuple[AlertingRule, ...]
    since: datetime | None = None


async def alerting_rules(server: Prometheus) -> Rules:
    """What it says now. Raises `NotTold`. Servers that are no Prometheus need not know since when they run."""
    groups = await told(server, RULES, _Groups)
    try:
        runtime = await told(server, RUNTIME, _Runtime)
    except NotTold:
        runtime = _Runtime()
    known = [at for at in (runtime.start_time, runtime.last_config_time) if at is not None]
    found = (_rule(rule, group.interval) for group in groups.groups for rule in group.rules)
    return Rules(tuple(found), max(known, default=None))


def _rule(rule: _Rule, interval: float) -> AlertingRule:
    alerts = tuple(each.labels for each in rule.alerts or ())
    return AlertingRule(
        rule.name,
        rule.query,
        rule.labels or {},
        rule.health,
        rule.last_error,
        rule.last_evaluation,
        interval,
        alerts,
    )


class _Active(Value, frozen=True):
    labels: dict[str, str] = {}


class _Rule(Value, frozen=True, rename="camel"):
    name: str = ""
    query: str = ""
    labels: dict[str, str] | None = None
    health: str = ""
    last_error: str = ""
    last_evaluation: _Instant | None = None
    alerts: tuple[_Active, ...] | None = None


class _Group(Value, frozen=True):
    interval: float = 60.0
    rules: tuple[_Rule, ...] = ()


class _Groups(Value, frozen=True):
    groups: tuple[_Group, ...] = ()


class _Runtime(Value, frozen=True, rename={"start_time": "startTime", "last_config_time": "lastConfigTime"}):
    start_time: _Instant | None = None
    last_config_time: _Instant | None = None
