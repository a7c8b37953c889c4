"""Prometheus' alerting rules as it runs them: whether they are evaluated, and which alerts they have at present."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from remediator.clients.outbound import NotPosted, Question
from remediator.clients.prometheus import Prometheus
from remediator.core.model import Value

RULES = "/api/v1/rules?type=alert"
RUNTIME = "/api/v1/status/runtimeinfo"

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
T = TypeVar("T")


class NotTold(Exception):
    """Prometheus did not say; the message says why."""


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
    groups = await _data(server, RULES, _Groups)
    try:
        runtime = await _data(server, RUNTIME, _Runtime)
    except NotTold:
        runtime = _Runtime()
    known = [at for at in (runtime.start_time, runtime.last_config_time) if at is not None]
    found = (_rule(rule, group.interval) for group in groups.groups for rule in group.rules)
    return Rules(tuple(found), max(known, default=None))


async def _data(server: Prometheus, path: str, type_: Any) -> Any:
    try:
        replied = await server.ask(Question("GET", server.url + path, server.timeout))
    except NotPosted as error:
        raise NotTold(str(error)) from error
    if not replied.taken or replied.cut:
        raise NotTold(f"{path.partition('?')[0]} answered {replied.status}: {replied.text or 'nothing'}")
    try:
        said = msgspec.json.decode(replied.body, type=_Body[type_])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotTold(f"its rules are not understood: {str(error)[:200]}") from error
    if said.status != "success" or said.data is None or said.warnings:
        raise NotTold(f"its rules may be incomplete: {'; '.join(said.warnings)[:200] or said.error[:200]}")
    return said.data


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


class _Body(msgspec.Struct, Generic[T], frozen=True):
    status: str = ""
    data: T | None = None
    error: str = ""
    warnings: list[str] = []
