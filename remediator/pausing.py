"""Pause and resume: an operator's word → events that the guard `pause` goes by. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime

from msgspec.structs import replace

from remediator.core.events import Event, Pause
from remediator.core.observations import Paused
from remediator.core.state import State

MAX_PAUSES = 1000
"""Pauses that may stand at once; one more is a program gone wild, and changes nothing."""


def paused(state: State, seen: Paused, now: datetime) -> tuple[Event, ...]:
    """A pause, or the end of one or more; nothing where nothing would change.

    Resuming a rule is said even where no pause stands: it acknowledges the rule's breakers.
    """
    pause = seen.pause
    if pause.lifted:
        return tuple(_event(replace(pause, id=each), seen, now) for each in _lifted(state, pause))
    if len(state.pauses) >= MAX_PAUSES or (pause.until is not None and pause.until <= now):
        return ()
    return (_event(replace(pause, id=pause.id or _id(seen, now)), seen, now),)


def held_back(state: State) -> set[str]:
    """Incidents that a pause held back when they were decided last: what is resumed is asked for at once."""
    return {
        incident.id
        for incident in state.incidents.values()
        if incident.said and any(each.guard == "pause" and not each.allows for each in incident.said.verdicts)
    }


def _lifted(state: State, pause: Pause) -> list[str]:
    """The one that is named, or all of exactly this scope: nobody lifts what somebody else meant."""
    named = (
        [pause.id] if pause.id else [key for key, each in state.pauses.items() if _scope(each.pause) == _scope(pause)]
    )
    return sorted(key for key in named if key in state.pauses) or ([""] if pause.rule else [])


def _event(pause: Pause, seen: Paused, now: datetime) -> Event:
    return Event(now, pause, rule=pause.rule, actor=f"operator:{seen.by}")


def _scope(pause: Pause) -> tuple[str, str, str]:
    return pause.rule, pause.namespace, pause.target


def _id(seen: Paused, now: datetime) -> str:
    """Eight hex digits, the same for the same words at the same instant."""
    text = "\n".join((now.isoformat(), seen.by, seen.pause.reason, *_scope(seen.pause)))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
