"""`apply`: one event of the journal onto the state. Pure; the whole state is `fold(apply, events)`.

Each kind of event has one function in this folder. An event of an unknown incident changes nothing, so that an
archive may drop closed ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from remediator.core.diagnosis import Diagnosis
from remediator.core.events import (
    Approval,
    Decision,
    Escalated,
    Event,
    IncidentClosed,
    IncidentOpened,
    Intent,
    Leader,
    Notice,
    Outcome,
    Pause,
    RulesChanged,
    Signal,
    Source,
    Undo,
    Verification,
)
from remediator.core.fold import approvals, ledger, pauses, post, signals, sources, steps, trail
from remediator.core.fold.bounds import bounded
from remediator.core.fold.place import shadow
from remediator.core.fold.steps import UNDONE
from remediator.core.state import State

__all__ = ["UNDONE", "apply", "fold", "shadow"]


def fold(events: Iterable[Event], state: State | None = None) -> State:
    """The state after all events, from an empty one or from a given one."""
    state = state or State()
    for event in events:
        state = apply(state, event)
    return state


def apply(state: State, event: Event) -> State:
    """The state after one more event; kinds without a meaning for decisions leave it as it is."""
    step = _STEPS.get(type(event.data))
    after = step(state, event, event.data) if step else state
    return bounded(ledger.kept(state, after, event), event.time, before=state)


_STEPS: dict[type, Callable[[State, Event, Any], State]] = {
    Signal: signals.signal,
    IncidentOpened: signals.opened,
    RulesChanged: signals.rules,
    Decision: steps.decision,
    Approval: approvals.approval,
    Intent: steps.intent,
    Undo: steps.undo,
    Outcome: steps.outcome,
    Verification: steps.verification,
    Escalated: steps.escalated,
    Notice: post.notice,
    Diagnosis: trail.diagnosis,
    IncidentClosed: steps.closed,
    Leader: sources.leader,
    Source: sources.source,
    Pause: pauses.pause,
}
