"""What is remembered beside the steps of incidents: kept after every event, from what the event changed."""

from __future__ import annotations

from remediator.core.events import Event
from remediator.core.fold import budgets, goods, post, results, tides, trail
from remediator.core.state import State


def kept(before: State, after: State, event: Event) -> State:
    """The state with all that is remembered as it is after an event."""
    for subject in (budgets, tides, results, trail, post, goods):
        after = subject.follow(before, after, event)
    return after
