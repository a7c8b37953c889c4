"""What would be signals of a rule at this very moment, asked once: for checks and plans, beside the running service.

Alerts are read from Prometheus' own series of them. How long something has stood already is not asked.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from remediator.clients.query_answer import Answer, Sample, Unknown, Vector
from remediator.conditions import Where
from remediator.core.kinds import resource
from remediator.core.model import Json, Target
from remediator.core.naming import LABELS
from remediator.core.observations import Sighting
from remediator.core.rules import ObjectSpec, Rule
from remediator.ports import Cluster, ClusterError
from remediator.sources import alerts, watched
from remediator.sources.inquiries import firing_of
from remediator.sources.reads import Once, Reader
from remediator.sources.series import SOURCE, fingerprint_of
from remediator.sources.targets import Located, Unresolved, follow, locate

AT_ONCE = 16
"""Targets that are looked up together."""


class NotKnown(Exception):
    """Whether a rule has signals now cannot be told; the message says why."""


def question(rule: Rule) -> str:
    """What Prometheus is asked for the signals of a rule; empty for one on objects."""
    return firing_of(rule.when.alert) if rule.when.alert else rule.when.query


def series(answer: Answer) -> tuple[Sample, ...]:
    """The series of an answer that are signals: those with a finite value. Raises `NotKnown`."""
    if isinstance(answer, Unknown):
        raise NotKnown(answer.reason)
    if not isinstance(answer, Vector):
        raise NotKnown("the result is one number without labels: write vector(…), or ask for series")
    return tuple(sample for sample in answer.samples if sample.known)


def labels_of(rule: Rule, sample: Sample) -> dict[str, str]:
    """The labels of the signal that a series is: of an alert without its state."""
    if not rule.when.alert:
        return sample.labels
    return {name: value for name, value in sample.labels.items() if name not in ("__name__", "alertstate")}


async def sightings(cluster: Reader, rule: Rule, samples: tuple[Sample, ...], at: datetime) -> list[Sighting]:
    """The signals that series are, each with its target or why it has none."""
    once, found = Once(cluster), list[Sighting]()
    for begin in range(0, len(samples), AT_ONCE):
        some = samples[begin : begin + AT_ONCE]
        found += await asyncio.gather(*(_sighting(once, rule, each, at) for each in some))
    return found


async def objects(cluster: Cluster, rule: Rule, at: datetime) -> list[Sighting]:
    """The signals that live objects are for a rule on them. Raises `NotKnown`."""
    spec = rule.when.object
    assert spec is not None, "a rule on objects"
    try:
        listed = await cluster.list(resource(spec.kind), spec.namespace, spec.selector)
    except ClusterError as error:
        raise NotKnown(f"{spec.kind} cannot be listed: {error.message}") from error
    where, once = Where(spec.where, spec.kind), Once(cluster)
    met = [each for each in listed if where.ask(each) is True]
    return [await _object(once, rule, spec, each, at) for each in met]


async def _object(cluster: Reader, rule: Rule, spec: ObjectSpec, obj: Json, at: datetime) -> Sighting:
    meta = obj["metadata"]
    namespace, name = meta.get("namespace", ""), meta["name"]
    place = {"namespace": namespace} if namespace else {}
    known = {LABELS[spec.kind]: name} if spec.kind in LABELS else {}
    labels = {"kind": spec.kind, "name": name, **place, **known}
    mark = watched.fingerprint(spec.kind, namespace, name, meta["uid"])
    try:
        found = await follow(cluster, Target(spec.kind, namespace, name, meta["uid"]), rule.target.kind)
    except ClusterError as error:
        found = Unresolved(error.message)
    return _seen(watched.SOURCE, rule, mark, labels, found, at)


async def _sighting(cluster: Reader, rule: Rule, sample: Sample, at: datetime) -> Sighting:
    labels = labels_of(rule, sample)
    try:
        found = await locate(cluster, rule.target, labels)
    except ClusterError as error:
        found = Unresolved(f"it cannot be looked for: {error.message}")
    source, value = (alerts.SOURCE, None) if rule.when.alert else (SOURCE, sample.value)
    return _seen(source, rule, fingerprint_of(labels), labels, found, at, value)


def _seen(
    source: str,
    rule: Rule,
    mark: str,
    labels: dict[str, str],
    found: Located | Unresolved,
    at: datetime,
    value: float | None = None,
) -> Sighting:
    located = found if isinstance(found, Located) else None
    return Sighting(
        source,
        "firing",
        rule.name,
        mark,
        labels,
        starts_at=at,
        target=located.target if located else None,
        reason="" if isinstance(found, Located) else found.reason,
        zone=located.zone if located else "",
        value=value,
    )
