"""Pauses onto the state: each stands by itself until its own end or its own lifting."""

from __future__ import annotations

from msgspec.structs import replace

from remediator.core.events import Event, Pause
from remediator.core.fold.place import without
from remediator.core.memory import Standing
from remediator.core.state import State


def pause(state: State, event: Event, data: Pause) -> State:
    """One more pause, or one fewer; those whose end has come are forgotten."""
    pauses = without(state.pauses, data.id)
    for key, standing in pauses.items():
        if standing.pause.until is not None and standing.pause.until <= event.time:
            pauses = without(pauses, key)
    if not data.lifted:
        pauses = pauses.set(data.id, Standing(data, event.actor, event.time))
    return replace(state, pauses=pauses)
