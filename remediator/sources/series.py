"""From the series of an answer to sightings: which are news, since when they are there, of what they speak."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime, timedelta

from msgspec.structs import replace

from remediator.clients.query_answer import Sample
from remediator.core.model import Value
from remediator.core.observations import Sighting
from remediator.core.rules import Rule
from remediator.core.state import State, open_key, told_key
from remediator.logs import logger
from remediator.ports import Cluster, ClusterError
from remediator.sources.reads import Once, Reader
from remediator.sources.targets import Located, Unresolved, locate

log = logger("series")

SOURCE = "prometheus"

AT_ONCE = 16
"""Targets of one answer that are looked up together."""

TRY_AGAIN = timedelta(minutes=5)
"""After which a series that speaks of no target is looked up anew."""


class Seen(Value, frozen=True):
    """A series that is present: since when, its latest value where that is a finite number."""

    since: datetime
    value: float | None = None


def fingerprint_of(labels: dict[str, str]) -> str:
    """What tells one series from another, in 16 hex digits: all of its labels and nothing else."""
    digest = hashlib.sha256()
    for name, value in sorted(labels.items()):
        digest.update(f"{len(name)}:{name}{len(value)}:{value}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


async def sightings_of(
    cluster: Cluster,
    state: State,
    rule: Rule,
    present: dict[str, Sample],
    seen: dict[str, Seen],
    at: datetime,
    *,
    blank: bool,
) -> list[Sighting]:
    """The series that the journal does not know as firing, with their targets; none without a known value.

    `blank`: nothing is remembered from before, so that the journal tells since when a series is there.
    """
    news = [
        (fingerprint, sample)
        for fingerprint, sample in present.items()
        if sample.known and _is_news(state, rule, fingerprint, seen[fingerprint].since, at)
    ]
    found: list[Sighting] = []
    once = Once(cluster)
    for begin in range(0, len(news), AT_ONCE):
        some = news[begin : begin + AT_ONCE]
        found += filter(None, await asyncio.gather(*(_sighting(once, rule, *each) for each in some)))
    return [replace(each, starts_at=_since(state, each, seen, blank)) for each in found]


def _is_news(state: State, rule: Rule, fingerprint: str, since: datetime, at: datetime) -> bool:
    """Whether the journal does not know it, or doubts it: one that speaks of no target is tried again at times."""
    key = told_key(rule.name, fingerprint)
    if key in state.noted:
        return (at - since) % TRY_AGAIN < timedelta(seconds=rule.interval or 30.0)
    incident = state.incidents.get(state.told.get(key, ""))
    return incident is None or any(seen.doubt and seen.fingerprint == fingerprint for seen in incident.signals)


async def _sighting(cluster: Reader, rule: Rule, fingerprint: str, sample: Sample) -> Sighting | None:
    """One firing series; None where the API server cannot be asked now: the next tick sees it again."""
    try:
        found = await locate(cluster, rule.target, sample.labels)
    except ClusterError as error:
        log.warning("the target of a series cannot be read; trying again", rule=rule.name, problem=str(error))
        return None
    return Sighting(
        SOURCE,
        "firing",
        rule.name,
        fingerprint,
        sample.labels,
        target=found.target if isinstance(found, Located) else None,
        reason=found.reason if isinstance(found, Unresolved) else "",
        zone=found.zone if isinstance(found, Located) else "",
        value=sample.value,
    )


def _since(state: State, sighting: Sighting, seen: dict[str, Seen], blank: bool) -> datetime:
    """Since when the series is there. After a start the last incident tells: its own echo opens no other one."""
    since = seen[sighting.fingerprint].since
    past = state.pasts.get(open_key(sighting.rule, sighting.target)) if blank and sighting.target else None
    before = [one.starts_at for one in past.signals if one.fingerprint == sighting.fingerprint] if past else []
    return next(filter(None, before), since)
