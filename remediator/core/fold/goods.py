"""Targets as they were when a look found them healthy, onto the state: what a roll-back or `last_good` goes back to."""

from __future__ import annotations

from msgspec.structs import replace

from remediator.core.events import Decision, Event, IncidentClosed
from remediator.core.memory import Good
from remediator.core.state import State

MOST_GOODS = 8
"""Healthy looks remembered of a target: the latest of each of so many revisions."""


def follow(before: State, after: State, event: Event) -> State:
    """The state with what the evidence in an event says of its target, where that is healthy."""
    data = event.data
    if not isinstance(data, Decision | IncidentClosed) or event.target is None or not data.evidence.get("healthy"):
        return after
    seen = data.evidence
    good = Good(event.time, seen.get("uid", ""), seen.get("revision", 0), seen.get("desired", 0))
    key = event.target.key
    kept = tuple(each for each in after.good.get(key, ()) if (each.uid, each.revision) != (good.uid, good.revision))
    return replace(after, good=after.good.set(key, (*kept, good)[-MOST_GOODS:]))
