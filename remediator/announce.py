"""Announce: which of the events that were decided somebody is told of, and who. Pure.

A thread begins where a person is asked for (`escalate`) or on an occasion that the settings name; from then on it is
kept up to the incident's end. The message is an event beside the one that it tells of: durable before it is sent.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from remediator.bookkeeping import about
from remediator.core.events import Event, IncidentClosed, Notice
from remediator.core.fold import apply, fold
from remediator.core.message import Occasion
from remediator.core.model import Mode
from remediator.core.post import Correspondence
from remediator.core.ruling import Ruling
from remediator.core.state import Incident, State
from remediator.messages import message, occasion_of

MOST_LETTERS = 40
"""Messages of one incident to one endpoint; after that only a person is asked for, and the end is told."""

_ALWAYS = (Occasion.ESCALATED, Occasion.CLOSED)


def announced(state: State, ruling: Ruling, now: datetime) -> Ruling:
    """The ruling with the messages that follow from its events."""
    if not any(_may_be_told(state, event) for event in ruling.events):
        return ruling
    events: list[Event] = []
    for event in ruling.events:
        closes = isinstance(event.data, IncidentClosed)
        after = state if closes else apply(state, event)
        notices = _notices(after, event, now)
        events += (*notices, event) if closes else (event, *notices)
        state = fold((*notices, event) if closes else notices, after)
    return replace(ruling, events=tuple(events))


def _may_be_told(state: State, event: Event) -> bool:
    """Whether anybody may be told of an event: of one that nobody asks about it need not be known what comes of it."""
    occasion = occasion_of(event)
    if occasion is None:
        return False
    return occasion is Occasion.ESCALATED or occasion in state.policy.notices.occasions or event.incident in state.post


def _notices(state: State, event: Event, now: datetime) -> tuple[Event, ...]:
    """One for each receiver that is told of an event; `state` is the one after it (before it, for an end)."""
    occasion, incident = occasion_of(event), state.incidents.get(event.incident)
    if occasion is None or incident is None or _is_one_of_many(occasion, incident):
        return ()
    held = state.post.get(incident.id) or Correspondence(incident.definition.name, incident.target)
    receivers = _receivers(state, incident, event, occasion, held)
    if not receivers:
        return ()
    said = message(state, incident, occasion, event)
    keys = ((receiver, f"{incident.id}-{occasion}-{held.sent + 1 + place}") for place, receiver in enumerate(receivers))
    return tuple(
        about(state, incident, Notice(key, receiver, "requested", message=said), now) for receiver, key in keys
    )


def _is_one_of_many(occasion: Occasion, incident: Incident) -> bool:
    """Whether it is a later write of a step of many: nobody is told of every eviction."""
    return occasion is Occasion.ACTED and incident.progress is not None and len(incident.progress.done) > 1


def _receivers(
    state: State, incident: Incident, event: Event, occasion: Occasion, held: Correspondence
) -> tuple[str, ...]:
    """Who is told: those of the incident's threads, whom `escalate` names, and on its occasions whom settings name."""
    told = {thread.receiver: thread.told + len(thread.waiting) for thread in held.threads}
    if occasion is Occasion.ESCALATED:
        told.setdefault(event.data.receiver, 0)  # type: ignore[union-attr]
    elif receiver := _begun_with(state, incident, occasion):
        told.setdefault(receiver, 0)
    return tuple(receiver for receiver, count in told.items() if count < MOST_LETTERS or occasion in _ALWAYS)


def _begun_with(state: State, incident: Incident, occasion: Occasion) -> str:
    """With whom a thread begins on this occasion: whom the settings name, else whom the rule's own `escalate` names."""
    notices, mode = state.policy.notices, state.mode_of(incident.definition, incident.step)
    if occasion not in notices.occasions or mode not in (Mode.APPROVE, Mode.ENFORCE):
        return ""
    if notices.receiver:
        return notices.receiver
    found = (step.args.get("receiver", "") for step in incident.definition.do if step.action == "escalate")
    return next(found, "")
