"""Range queries: what a query answered at evenly spaced instants of the past."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from remediator.clients.prometheus import Prometheus
from remediator.clients.prometheus_api import NotTold, told
from remediator.core.model import Value

MOST_POINTS = 11_000
"""Points of a series that Prometheus gives in one answer."""

PATH = "/api/v1/query_range"


class Series(Value, frozen=True):
    """One series: its value at each instant (seconds since 1970) at which it was there, the earliest first."""

    labels: dict[str, str]
    values: tuple[tuple[float, float], ...]


async def query_range(
    server: Prometheus, query: str, start: datetime, end: datetime, step: timedelta
) -> tuple[Series, ...]:
    """The answer at `start` and each `step` after it, up to and including `end`, in as many parts as it takes.

    Histograms have no value and are left out. Raises `NotTold`.
    """
    found: dict[frozenset[tuple[str, str]], list[tuple[float, float]]] = {}
    for first, last in _parts(start, end, step):
        form = {"query": query, "start": _stamp(first), "end": _stamp(last), "step": f"{step.total_seconds():g}"}
        data = await told(server, PATH, _Data, form)
        if data.result_type != "matrix":
            raise NotTold(f"the result is {data.result_type or 'missing'}, not series over time")
        for one in data.result:
            values = [(at, float(value)) for at, value in one.values]
            found.setdefault(frozenset(one.metric.items()), []).extend(values)
    return tuple(Series(dict(sorted(labels)), tuple(values)) for labels, values in found.items())


def _parts(start: datetime, end: datetime, step: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """The range in parts of at most `MOST_POINTS` instants each."""
    first = start
    while first <= end:
        last = min(first + step * (MOST_POINTS - 1), end)
        yield first, last
        first = last + step


def _stamp(at: datetime) -> str:
    return f"{at.timestamp():.3f}"


class _Series(Value, frozen=True):
    metric: dict[str, str] = {}
    values: tuple[tuple[float, str], ...] = ()


class _Data(Value, frozen=True, rename={"result_type": "resultType"}):
    result_type: str = ""
    result: tuple[_Series, ...] = ()
