"""What guards remember beside the incidents: kept after every event, from what the event changed."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from remediator.core.events import Event, Leader
from remediator.core.fold import budgets, results, tides
from remediator.core.guarding import LONGEST_WINDOW
from remediator.core.state import State


def kept(before: State, after: State, event: Event) -> State:
    """The state with all that guards remember as it is after an event."""
    for subject in (budgets, tides, results):
        after = subject.follow(before, after, event)
    return _forgetting(after, event) if isinstance(event.data, Leader) else after


def _forgetting(state: State, event: Event) -> State:
    """Whoever takes office forgets what no guard can look back to."""
    oldest = event.time - timedelta(seconds=LONGEST_WINDOW)
    spent, tides_ = state.spent, state.tides
    for key, times in state.spent.items():
        if all(each <= oldest for each in times):
            spent = spent.delete(key)
    for key, tide in state.tides.items():
        if not tide.matched and all(until <= oldest for until, _ in tide.ebbs):
            tides_ = tides_.delete(key)
    return replace(state, spent=spent, tides=tides_)
