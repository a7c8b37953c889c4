"""What one Prometheus knows, asked once: the answers to queries, the names of metrics, labels and alerting rules."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

from remediator.clients.alerting_rules import alerting_rules
from remediator.clients.prometheus import Prometheus
from remediator.clients.prometheus_api import NotTold, label_names, metric_names
from remediator.clients.query_answer import Answer, Unknown
from remediator.config.promql import selected
from remediator.core.model import Value
from remediator.sources.queries import AT_ONCE

BACK = timedelta(days=1)
"""How far back a series is looked for: what exists in no day at all is a slip of the pen."""


class Knowledge(Value, frozen=True):
    """As of one instant: `answers` by query, `metrics` of the last day, of those asked about their `labels`, and the
    names of alerting rules, None where the server has no say about them.
    """

    answers: dict[str, Answer] = {}
    metrics: frozenset[str] = frozenset()
    labels: dict[str, frozenset[str]] = {}
    alerts: frozenset[str] | None = None


async def learn(server: Prometheus, queries: Iterable[str], now: datetime) -> Knowledge:
    """All that is to be known about queries. Raises `NotTold` where the server does not answer."""
    places, wanted = asyncio.Semaphore(AT_ONCE), sorted(set(queries))
    since = now - BACK

    async def answer(query: str) -> Answer:
        async with places:
            return await server.query(query, now)

    async def labels(metric: str) -> frozenset[str]:
        async with places:
            return await label_names(server, metric, since, now)

    metrics = await metric_names(server, since, now)
    answers = await asyncio.gather(*map(answer, wanted))
    mute = next((each for each in answers if isinstance(each, Unknown) and not each.reached), None)
    if mute is not None:
        raise NotTold(mute.reason)
    named = sorted({each.metric for query in wanted for each in selected(query)} & metrics)
    found = await asyncio.gather(*map(labels, named))
    return Knowledge(
        dict(zip(wanted, answers, strict=True)), metrics, dict(zip(named, found, strict=True)), await _alerts(server)
    )


async def _alerts(server: Prometheus) -> frozenset[str] | None:
    """The names of its alerting rules; a server that only stores series has none to tell."""
    try:
        return frozenset(each.name for each in (await alerting_rules(server)).rules)
    except NotTold:
        return None
