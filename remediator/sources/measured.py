"""Whether what a query selects is measured at present: with an exporter its series go, and nothing is cured."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from remediator.clients.query_answer import Answer, Sample, Unknown, Vector
from remediator.config.promql import metrics_of

Labels = Mapping[str, str]
Ask = Callable[[str, datetime], Awaitable[Answer]]
"""Asks a query as of an instant; never raises."""

BEFORE = "1h"
"""How far back it is looked for who delivered a metric that is gone."""

GOOD = 3
"""Evaluations, and scrapes without a miss, for which a target must have been up: until then a rule may not have been
evaluated on what it measures since it came back, and a rate has no two samples yet.
"""

_WIDER = ("5m", "15m")
"""Ranges in which `GOOD` scrapes are looked for where as many evaluations have fewer."""

OWN = frozenset({"up", "ALERTS", "ALERTS_FOR_STATE", "scrape_duration_seconds", "scrape_samples_scraped"})
"""Metrics that Prometheus writes itself, of all jobs: they say nothing of who measures."""


MOST_VALUES, LONGEST_VALUE = 100, 256
"""Values of one label that are named in a question, and characters of one; beyond them the label says nothing."""

_PLAIN = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")


class Unasked(Exception):
    """It cannot be known; the message says why."""


async def unmeasured(ask: Ask, query: str, gone: Sequence[Labels], at: datetime, interval: float) -> list[str]:
    """For each of these label sets why the absence of a series with them is no answer of the query; empty where it is.

    Each job that measured it within an hour must have a target that was up for a while: of a metric those whose series
    contradict none of the labels, and where nobody's do and it has no series now, all that delivered it. A target that
    the labels name must not be down. `interval`: seconds between two evaluations of the query.
    """
    try:
        jobs = await _jobs(ask, metrics_of(query) - OWN, gone, at)
        asked = set[str]().union(*jobs)
        targets = await _series(ask, steadily_up(asked, interval), at) if asked else ()
    except Unasked as error:
        return [f"whether it is measured cannot be asked: {error}"] * len(gone)
    return [_why(labels, mine, targets) for labels, mine in zip(gone, jobs, strict=True)]


def _why(labels: Labels, jobs: set[str], targets: Sequence[Sample]) -> str:
    for job in sorted(jobs):
        if not any(each.value == 1 for each in targets if each.labels.get("job") == job):
            return f"nothing is scraped of job {job}, or has only just been again"
    down = [each for each in targets if each.value != 1 and _is_named(each, labels)]
    return f"its target {down[0].labels.get('instance', '')} cannot be scraped" if down else ""


async def _jobs(ask: Ask, metrics: frozenset[str], gone: Sequence[Labels], at: datetime) -> list[set[str]]:
    """The jobs by which series with each of these labels were measured."""
    named = [{labels["job"]} if labels.get("job") else set[str]() for labels in gone]
    if not metrics:
        return named
    telling = _telling(gone)
    by = ", ".join(dict.fromkeys(("__name__", "job", *telling)))
    matchers = "".join(f", {name}=~{_quoted(_pattern(some) + '|')}" for name, some in telling.items())
    found = await _series(ask, f"group by ({by}) (last_over_time({{{_names(metrics)}{matchers}}}[{BEFORE}]))", at)
    others = await _of_nobody(ask, metrics - _values(found, "__name__"), at)
    return [mine | others | _jobs_of(labels, found) for labels, mine in zip(gone, named, strict=True)]


async def _of_nobody(ask: Ask, metrics: frozenset[str], at: datetime) -> set[str]:
    """The jobs that delivered metrics within the hour of which there is no series now, whatever its labels."""
    if not metrics:
        return set()
    metrics -= _values(await _series(ask, f"group by (__name__) ({{{_names(metrics)}}})", at), "__name__")
    if not metrics:
        return set()
    return _values(await _series(ask, f"group by (job) (last_over_time({{{_names(metrics)}}}[{BEFORE}]))", at), "job")


def _jobs_of(labels: Labels, found: Sequence[Sample]) -> set[str]:
    """The jobs of the series that contradict none of these labels: what a rule or a server has added to an alert is not
    on what it was measured by.
    """
    agree = (each for each in found if all(labels.get(name, is_) == is_ for name, is_ in _rest(each)))
    return _values(agree, "job")


def _rest(series: Sample) -> Iterator[tuple[str, str]]:
    """Labels that a series was grouped by, but for its metric and its job."""
    return ((name, is_) for name, is_ in series.labels.items() if name not in ("__name__", "job"))


def _telling(gone: Sequence[Labels]) -> dict[str, set[str]]:
    """The values of labels that all of these have."""
    names = set(gone[0]).intersection(*gone) - {"__name__"} if gone else set[str]()
    values = {name: {labels[name] for labels in gone} for name in sorted(names) if _PLAIN.fullmatch(name)}
    return {name: some for name, some in values.items() if len(some) <= MOST_VALUES and all(map(_is_short, some))}


def _is_short(value: str) -> bool:
    return len(value) <= LONGEST_VALUE


def steadily_up(jobs: Iterable[str], interval: float) -> str:
    """The query for targets of jobs: 1 for each that was up for `GOOD` evaluations and scrapes, 0 for the others."""
    up = f"up{{job=~{_quoted(_pattern(jobs))}}}"
    ranges = (f"{round(1000 * (GOOD + 0.5) * interval)}ms", *_WIDER)  # the half has room for scrapes that drift
    steady = (
        f"min_over_time({up}[{of}]) * ({up} offset {of}) and count_over_time({up}[{of}]) >= {GOOD}" for of in ranges
    )
    return " or ".join((*steady, f"{up} * 0"))


def all_measured(question: str) -> Vector:
    """What is answered to a question of this module where nothing is known of who measures, but that all of it is up.

    For rule tests, which give signals and no scrapes.
    """
    jobs = re.match(r'min_over_time\(up\{job=~("(?:[^"\\]|\\.)*")\}', question)
    if jobs is None:
        return Vector(())
    names = re.findall(r"(?:[^\\|]|\\.)+", json.loads(jobs[1]))
    return Vector(tuple(Sample({"job": re.sub(r"\\(.)", r"\1", name)}, 1.0) for name in names))


def _is_named(target: Sample, labels: Labels) -> bool:
    return all(name in labels and target.labels.get(name) == labels[name] for name in ("job", "instance"))


def _values(found: Iterable[Sample], label: str) -> set[str]:
    return {each.labels[label] for each in found if each.labels.get(label)}


async def _series(ask: Ask, query: str, at: datetime) -> tuple[Sample, ...]:
    answer = await ask(query, at)
    if isinstance(answer, Vector):
        return answer.samples
    raise Unasked(answer.reason if isinstance(answer, Unknown) else "the answer has no series")


def _names(metrics: Iterable[str]) -> str:
    """The matcher of all these metrics."""
    return f"__name__=~{_quoted(_pattern(metrics))}"


def _pattern(names: Iterable[str]) -> str:
    """A regexp for these names and no others. They are UTF-8 since Prometheus 3, and none is a pattern itself."""
    return "|".join(_SPECIAL.sub(r"\\\g<0>", name) for name in sorted(names))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
