"""How many targets each rule matches, onto the state: what a storm is told by, and for how long it is remembered."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from remediator.core.events import Event, RulesChanged
from remediator.core.fold.place import without
from remediator.core.guarding import LONGEST_WINDOW
from remediator.core.memory import Tide
from remediator.core.state import Incident, State

EXACT = 32
"""Numbers up to this one are remembered as they are, higher ones rounded up to five binary digits."""


def tide_keys(rule: str, kind: str, namespace: str, zone: str) -> tuple[str, ...]:
    """Where a match counts: a node's among all and among those of its zone, all else in its namespace."""
    if kind != "Node":
        return (f"{rule}|{kind}|{namespace}",)
    return (f"{rule}|Node|", f"{rule}|Node|{zone}") if zone else (f"{rule}|Node|",)


def follow(before: State, after: State, event: Event) -> State:
    """The state with the tides as they are after an event."""
    touched = set(after.incidents) if isinstance(event.data, RulesChanged) else {event.incident}
    for each in touched:
        was, now = before.incidents.get(each), after.incidents.get(each)
        incident = now or was
        change = _matches(now) - _matches(was)
        if change and incident is not None:
            after = _moved(after, incident, change, event.time)
    return after


def _matches(incident: Incident | None) -> int:
    return int(incident is not None and incident.cleared_at is None)


def _moved(state: State, incident: Incident, change: int, at: datetime) -> State:
    target, tides, oldest = incident.target, state.tides, at - timedelta(seconds=LONGEST_WINDOW)
    for key in tide_keys(incident.definition.name, target.kind, target.namespace, incident.zone):
        tide = tides.get(key, Tide())
        matched, ebbs = tide.matched + change, tide.ebbs
        if change < 0:
            stood = _rounded(tide.matched)
            ebbs = (*_above(ebbs, stood), (at, stood))
        if ebbs and ebbs[0][0] <= oldest:  # the first is the oldest
            ebbs = tuple(each for each in ebbs if each[0] > oldest)
        tides = tides.set(key, Tide(matched, ebbs)) if matched or ebbs else without(tides, key)
    return replace(state, tides=tides)


def _above(ebbs: tuple[tuple[datetime, int], ...], stood: int) -> tuple[tuple[datetime, int], ...]:
    """Those of higher numbers, which are to the left."""
    kept = len(ebbs)
    while kept and ebbs[kept - 1][1] <= stood:
        kept -= 1
    return ebbs[:kept]


def _rounded(number: int) -> int:
    """Up, so that a tide is never remembered lower than it was."""
    digits = max(number.bit_length() - EXACT.bit_length() + 1, 0)
    return -(-number >> digits) << digits
