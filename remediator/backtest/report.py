"""A backtest as a whole: what is asked of Prometheus, played, and told of each rule with what nobody can know."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from remediator.backtest.history import History
from remediator.backtest.play import Episode, Play
from remediator.clients.prometheus import Prometheus
from remediator.clients.prometheus_api import NotTold
from remediator.clients.query_range import query_range
from remediator.core.model import Value
from remediator.core.rules import Policy, Rule
from remediator.guards.guard import limits_of
from remediator.sources import present
from remediator.sources.inquiries import firing
from remediator.sources.queries import AT_ONCE


class Period(Value, frozen=True):
    """From an instant to another one, both inclusive, looked at every so often."""

    start: datetime
    end: datetime
    step: timedelta


class RuleReport(Value, frozen=True):
    """One rule over the period: series that fired, incidents, those whose first step would have been taken, how many
    each guard held back at some time. `reason` is why it could not be played, `unknown` what was not taken into
    account.
    """

    rule: str
    signals: int = 0
    incidents: int = 0
    steps: int = 0
    held: dict[str, int] = {}
    reason: str = ""
    unknown: tuple[str, ...] = ()


class Report(Value, frozen=True):
    """All rules, and every incident in the order of their beginning."""

    start: datetime
    end: datetime
    step: float
    rules: tuple[RuleReport, ...]
    incidents: tuple[Episode, ...]


async def report(server: Prometheus, policy: Policy, rules: Iterable[Rule], period: Period) -> Report:
    """Ask for the past of all rules, and play it. Never raises for what the server does."""
    rules = tuple(rules)
    asked = {text for rule in rules for text in _asked(policy, rule)}
    questions = {present.question(rule) for rule in rules if not rule.when.object}
    told = await _histories(server, sorted(asked | questions), period)
    histories = {query: each for query, each in told.items() if isinstance(each, History)}
    signals = {rule.name: histories[present.question(rule)] for rule in rules if present.question(rule) in histories}
    play = Play(policy, rules, signals, histories, period.step)
    episodes = play.run(period.start, period.end)
    mine = {rule.name: [each for each in episodes if each.rule == rule.name] for rule in rules}
    reports = tuple(_of(rule, policy, told, mine[rule.name], play) for rule in rules)
    return Report(period.start, period.end, period.step.total_seconds(), reports, episodes)


def _asked(policy: Policy, rule: Rule) -> Iterator[str]:
    """The queries of conditions and guards."""
    limits = limits_of(policy, rule)
    yield from (each.query for each in rule.queries)
    yield from (*limits.require, *limits.veto.queries, *map(firing, limits.veto.alerts))


async def _histories(server: Prometheus, queries: list[str], period: Period) -> dict[str, History | str]:
    """The past of each query, or why it is not known."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(query: str) -> History | str:
        async with places:
            try:
                series = await query_range(server, query, period.start, period.end, period.step)
            except NotTold as error:
                return str(error)
            return History(series, period.end, period.step)

    return dict(zip(queries, await asyncio.gather(*map(one, queries)), strict=True))


def _of(rule: Rule, policy: Policy, told: dict[str, History | str], mine: list[Episode], play: Play) -> RuleReport:
    if rule.when.object:
        return RuleReport(rule.name, reason="it is about objects, of which Kubernetes keeps no past")
    history = told[present.question(rule)]
    if isinstance(history, str):
        return RuleReport(rule.name, reason=history)
    held = Counter(guard for each in mine for guard in each.held)
    steps = sum(each.acted_at is not None for each in mine)
    unknown = tuple(_unknown(rule, policy, told, play))
    return RuleReport(rule.name, history.fired, len(mine), steps, dict(sorted(held.items())), "", unknown)


def _unknown(rule: Rule, policy: Policy, told: dict[str, History | str], play: Play) -> Iterator[str]:
    """What was not taken into account of a rule."""
    if why := play.unresolved.get(rule.name):
        yield f"some signals name no target: {why}"
    if kind := play.stand_ins.get(rule.name):
        yield f"counted by {kind}: which {rule.target.kind} each belonged to then is not known"
    if rule.conditions:
        yield "its conditions on live objects are taken to have held"
    for query in _asked(policy, rule):
        if isinstance(why := told[query], str):
            yield f"{query} is not known: {why}"
