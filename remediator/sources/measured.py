"""Whether what a query selects is measured at present: with an exporter its series go, and nothing is cured."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime

from remediator.clients.query_answer import Answer, Sample, Unknown, Vector
from remediator.config.promql import metrics_of

Ask = Callable[[str, datetime], Awaitable[Answer]]
"""Asks a query as of an instant; never raises."""

BEFORE = "1h"
"""How far back it is looked for who delivered a metric that is gone."""


STEADY = "90s"
"""How long a target must have been scraped without a miss: until then its rules may not have been evaluated since."""


class Unasked(Exception):
    """It cannot be known; the message says why."""


async def unmeasured(ask: Ask, query: str, labels: dict[str, str], at: datetime) -> str:
    """Why the absence of a series with these labels is no answer of this query; empty where it is one.

    A metric that has any series now is measured. Of one that has none it is asked which jobs delivered it within an
    hour: each of them must have a target that is up. The target that the labels name must not be down.
    """
    try:
        return await _unmeasured(ask, metrics_of(query), labels, at)
    except Unasked as error:
        return f"whether it is measured cannot be asked: {error}"


async def _unmeasured(ask: Ask, metrics: frozenset[str], labels: dict[str, str], at: datetime) -> str:
    present = await _values(ask, f"count by (__name__) ({_any(metrics)})", "__name__", at) if metrics else metrics
    jobs = {labels["job"]} if "job" in labels else set()
    if missing := metrics - present:
        jobs |= await _values(ask, f"group by (job) (last_over_time({_any(missing)}[{BEFORE}]))", "job", at)
    if not jobs:
        return ""
    targets = await _series(ask, " or ".join(map(_steadily_up, sorted(jobs))), at)
    for job in sorted(jobs):
        if not any(each.value == 1 for each in targets if each.labels.get("job") == job):
            return f"nothing is scraped of job {job}"
    down = [each for each in targets if each.value != 1 and _is_named(each, labels)]
    return f"its target {down[0].labels.get('instance', '')} cannot be scraped" if down else ""


def _steadily_up(job: str) -> str:
    """1 for each target of a job that no scrape missed for a while: before that no rule has measured with it again."""
    return f"min_over_time(up{{job={_quoted(job)}}}[{STEADY}])"


def _is_named(target: Sample, labels: dict[str, str]) -> bool:
    return all(name in labels and target.labels.get(name) == labels[name] for name in ("job", "instance"))


async def _values(ask: Ask, query: str, label: str, at: datetime) -> frozenset[str]:
    found = await _series(ask, query, at)
    return frozenset(each.labels[label] for each in found if each.labels.get(label))


async def _series(ask: Ask, query: str, at: datetime) -> tuple[Sample, ...]:
    answer = await ask(query, at)
    if isinstance(answer, Vector):
        return answer.samples
    raise Unasked(answer.reason if isinstance(answer, Unknown) else "the answer has no series")


def _any(metrics: frozenset[str]) -> str:
    """A selector of all these metrics. Names are UTF-8 since Prometheus 3, and none is a pattern."""
    pattern = "|".join(
        "".join(char if char.isalnum() or char in "_:" else f"\\{char}" for char in name) for name in sorted(metrics)
    )
    return f"{{__name__=~{_quoted(pattern)}}}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
