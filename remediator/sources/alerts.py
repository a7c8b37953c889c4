"""From a stored webhook payload to sightings: which rules each alert concerns, and of which target it speaks."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import islice

from msgspec.structs import replace

from remediator.clients.alertmanager import Alert, MalformedPayload, parse
from remediator.core.observations import Arrived, Sighting
from remediator.core.rules import Rule
from remediator.core.state import State, told_key
from remediator.ports import Receipt
from remediator.sources.matching import matching
from remediator.sources.reads import Once, Reader
from remediator.sources.targets import Located, Unresolved, locate

SOURCE = "alertmanager"

AT_ONCE = 16
"""Targets of one payload that are looked up together."""


Doubt = Callable[[dict[str, str]], Awaitable[str]]
"""Why the end of an alert with these labels is not believed; empty where it is."""


async def believing(labels: dict[str, str]) -> str:
    """No doubts: nobody can be asked."""
    return ""


async def arrived(
    cluster: Reader,
    state: State,
    receipt: Receipt,
    doubt: Doubt = believing,
    heard: Callable[[str], None] = lambda receiver: None,
) -> Arrived:
    """All sightings of one payload. Raises `ClusterError` where a target cannot be asked for now: try again later.

    Only alerts that a rule matches are followed to a target, and only those that the journal does not know yet.
    """
    try:
        payload = parse(receipt.body)
    except MalformedPayload as error:
        return Arrived((_skip(str(error)),))
    heard(payload.receiver)
    found = await sightings_of(cluster, state, payload.alerts, doubt)
    skipped = (_skip(reason) for reason in payload.skipped)
    return Arrived(tuple(replace(each, received_at=receipt.received_at) for each in (*skipped, *found)))


async def sightings_of(
    cluster: Reader, state: State, alerts: Iterable[Alert], doubt: Doubt = believing
) -> list[Sighting]:
    """What the alerts that rules match are evidence of. Raises `ClusterError` as `arrived` does."""
    found: list[Sighting] = []
    cluster = Once(cluster)
    for some in _batches(_matching(state, alerts)):
        sightings = [_sighting(cluster, state, rule, alert, doubt) for rule, alert in some]
        if any(_is_asked_about(state, rule, alert) for rule, alert in some):
            found += await asyncio.gather(*sightings)
        else:  # a task for each would cost more than all else
            found += [await each for each in sightings]
    return found


def _batches(pairs: Iterator[tuple[Rule, Alert]]) -> Iterator[list[tuple[Rule, Alert]]]:
    while batch := list(islice(pairs, AT_ONCE)):
        yield batch


def _matching(state: State, alerts: Iterable[Alert]) -> Iterator[tuple[Rule, Alert]]:
    """Alerts in their order, the rules of each in that of their names."""
    index = matching(state.rules)
    for alert in alerts:
        yield from ((rule, alert) for rule in index.of(alert.labels))


def _is_asked_about(state: State, rule: Rule, alert: Alert) -> bool:
    """Whether the cluster has to be asked for the alert's target."""
    return alert.status == "firing" and state.told.get(told_key(rule.name, alert.fingerprint)) not in state.incidents


async def _sighting(cluster: Reader, state: State, rule: Rule, alert: Alert, doubt: Doubt) -> Sighting:
    known = state.told.get(told_key(rule.name, alert.fingerprint), "")
    found: Located | Unresolved | None = None
    status, reason = alert.status, ""
    if known in state.incidents:
        found = Located(state.incidents[known].target)
        if status == "resolved" and (reason := await doubt(alert.labels)):
            status = "doubted"
    elif alert.status == "firing":
        found = await locate(cluster, rule.target, alert.labels)
    return Sighting(
        SOURCE,
        status,
        rule.name,
        alert.fingerprint,
        alert.labels,
        alert.annotations,
        alert.starts_at,
        found.target if isinstance(found, Located) else None,
        found.reason if isinstance(found, Unresolved) else reason,
        zone=found.zone if isinstance(found, Located) else "",
        ends_at=alert.ends_at if status == "resolved" else None,
    )


def _skip(reason: str) -> Sighting:
    """An unusable alert or payload; the same reason is the same sighting, so that it is said once."""
    return Sighting(SOURCE, "skipped", fingerprint=hashlib.sha256(reason.encode()).hexdigest()[:16], reason=reason)
