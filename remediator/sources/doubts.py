"""An alert is gone: cured, or does only nobody evaluate its rule any more? Prometheus' own rules tell.

Alertmanager resolves whatever it does not hear of: where a rule fails, is removed, was just loaded, or has lost what it
measures, the alert ends and the trouble stays.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from remediator.clients.alerting_rules import AlertingRule, Rules
from remediator.clients.prometheus_api import NotTold
from remediator.ports import Clock
from remediator.sources.fresh import Fresh
from remediator.sources.measured import Ask, unmeasured

GOOD = 3
"""Evaluations of a rule after a start or reload of Prometheus until the absence of its alerts is believed."""

LATE = timedelta(seconds=30)
"""Beyond `GOOD` intervals without an evaluation a rule is not evaluated any more."""

ASKED_AGAIN = 5.0
"""Seconds for which an answer about all rules holds."""


class Doubts:
    """Says why the end of an alert is not believed. `rules` asks for all alerting rules and raises `NotTold`."""

    def __init__(self, rules: Callable[[], Awaitable[Rules]], ask: Ask, clock: Clock) -> None:
        self._rules, self._ask, self._clock = Fresh(rules, ASKED_AGAIN), ask, clock

    async def of(self, labels: dict[str, str]) -> str:
        """Why an alert with these labels may stand although it is gone; empty where nothing speaks for that."""
        try:
            rules = await self._rules.get()
        except NotTold as error:
            return f"Prometheus cannot be asked about its rules: {error}"
        now = self._clock.now()
        mine = rules_of(labels, rules)
        if reason := doubt(labels, mine, rules.since, now):
            return reason
        for rule in mine:
            (reason,) = await unmeasured(self._ask, rule.query, (labels,), now, rule.interval)
            if reason:
                return reason
        return ""


def rules_of(labels: dict[str, str], rules: Rules) -> tuple[AlertingRule, ...]:
    """The rules that an alert may come from: of its name, none of whose labels contradicts its own."""
    name = labels.get("alertname")
    return tuple(each for each in rules.rules if each.name == name and _agrees(each.labels, labels))


def doubt(labels: dict[str, str], mine: tuple[AlertingRule, ...], since: datetime | None, now: datetime) -> str:
    """Why an alert of these rules may stand although it is gone; empty where nothing speaks for that. Pure."""
    if not mine:
        return f"Prometheus has no alerting rule {labels.get('alertname', '')} with its labels"
    return next(filter(None, (_doubt(labels, rule, since, now) for rule in mine)), "")


def _doubt(labels: dict[str, str], rule: AlertingRule, since: datetime | None, now: datetime) -> str:
    settled, evaluated = timedelta(seconds=GOOD * rule.interval), rule.last_evaluation
    if rule.health != "ok" or evaluated is None:
        return f"its rule {rule.name} is not evaluated: {rule.last_error[:200] or f'its health is {rule.health}'}"
    if now - evaluated > settled + LATE:
        return f"its rule {rule.name} was last evaluated at {evaluated:%Y-%m-%d %H:%M:%S} UTC"
    if since is not None and evaluated - since < settled:
        return f"Prometheus was started or reloaded at {since:%H:%M:%S} UTC: its rule {rule.name} begins anew"
    if any(_agrees(alert, labels) for alert in rule.alerts):
        return f"{rule.name} is pending or fires in Prometheus"
    return ""


def _agrees(some: dict[str, str], labels: dict[str, str]) -> bool:
    """Whether labels contradict none of these; a template may become anything."""
    return all("{{" in value or labels.get(name, value) == value for name, value in some.items())
