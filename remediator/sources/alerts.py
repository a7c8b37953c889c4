"""From a stored webhook payload to sightings: which rules each alert concerns, and of which target it speaks."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from itertools import islice

from msgspec.structs import replace

from remediator.clients.alertmanager import Alert, MalformedPayload, Payload, parse
from remediator.core.observations import Arrived, Sighting
from remediator.core.rules import Rule
from remediator.core.state import State, told_key
from remediator.ports import Receipt
from remediator.sources.matching import matching
from remediator.sources.reads import Reader
from remediator.sources.targets import Located, Unresolved, locate

SOURCE = "alertmanager"

AT_ONCE = 16
"""Targets of one payload that are looked up together."""


async def arrived(cluster: Reader, state: State, receipt: Receipt) -> Arrived:
    """All sightings of one payload. Raises `ClusterError` where a target cannot be asked for now: try again later.

    Only alerts that a rule matches are followed to a target, and only those that the journal does not know yet.
    """
    try:
        payload = parse(receipt.body)
    except MalformedPayload as error:
        return Arrived((_skip(str(error)),))
    found: list[Sighting] = []
    for some in _batches(_matching(state, payload)):
        sightings = [_sighting(cluster, state, rule, alert) for rule, alert in some]
        if any(_is_asked_about(state, rule, alert) for rule, alert in some):
            found += await asyncio.gather(*sightings)
        else:  # a task for each would cost more than all else
            found += [await each for each in sightings]
    skipped = (_skip(reason) for reason in payload.skipped)
    return Arrived(tuple(replace(each, received_at=receipt.received_at) for each in (*skipped, *found)))


def _batches(pairs: Iterator[tuple[Rule, Alert]]) -> Iterator[list[tuple[Rule, Alert]]]:
    while batch := list(islice(pairs, AT_ONCE)):
        yield batch


def _matching(state: State, payload: Payload) -> Iterator[tuple[Rule, Alert]]:
    """Alerts in the order of the payload, the rules of each in that of their names."""
    index = matching(state.rules)
    for alert in payload.alerts:
        yield from ((rule, alert) for rule in index.of(alert.labels))


def _is_asked_about(state: State, rule: Rule, alert: Alert) -> bool:
    """Whether the cluster has to be asked for the alert's target."""
    return alert.status == "firing" and state.told.get(told_key(rule.name, alert.fingerprint)) not in state.incidents


async def _sighting(cluster: Reader, state: State, rule: Rule, alert: Alert) -> Sighting:
    known = state.told.get(told_key(rule.name, alert.fingerprint), "")
    found: Located | Unresolved | None = None
    if known in state.incidents:
        found = Located(state.incidents[known].target)
    elif alert.status == "firing":
        found = await locate(cluster, rule.target, alert.labels)
    return Sighting(
        SOURCE,
        alert.status,
        rule.name,
        alert.fingerprint,
        alert.labels,
        alert.annotations,
        alert.starts_at,
        found.target if isinstance(found, Located) else None,
        found.reason if isinstance(found, Unresolved) else "",
        zone=found.zone if isinstance(found, Located) else "",
    )


def _skip(reason: str) -> Sighting:
    """An unusable alert or payload; the same reason is the same sighting, so that it is said once."""
    return Sighting(SOURCE, "skipped", fingerprint=hashlib.sha256(reason.encode()).hexdigest()[:16], reason=reason)
