"""What a decision is to the shell: events to make durable, what is written for them, and when to ask again."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from remediator.core.events import Event, Intent, Outcome, Undo
from remediator.core.hiding import hidden
from remediator.core.model import Change, Value, Verb


class Ruling(Value, frozen=True):
    """What `decide` answers: events to append in one transaction, and when to look at the incident again.

    `writes` are the changes of intents in full, by their id, where the journal has them without their secrets. Nobody
    needs them but the term that made them: a write of an earlier one is never made, only looked up.
    """

    events: tuple[Event, ...] = ()
    again_at: datetime | None = None
    writes: dict[str, Change] = {}


def withheld(ruling: Ruling) -> Ruling:
    """The ruling with all secrets taken out of its events' changes."""
    writes: dict[str, Change] = {}
    events = tuple(_withheld(event, writes) for event in ruling.events)
    for event in events:  # what was only rehearsed is not written any more
        if isinstance(event.data, Outcome):
            writes.pop(event.data.intent, None)
    return replace(ruling, events=events, writes=writes) if events != ruling.events else ruling


def _withheld(event: Event, writes: dict[str, Change]) -> Event:
    data = event.data
    if not isinstance(data, Intent | Undo) or data.change.verb is Verb.CALL:
        return event
    body = hidden(data.change.body)
    if body == data.change.body:
        return event
    writes[data.id] = data.change
    return replace(event, data=replace(data, change=replace(data.change, body=body)))
