"""What a decision is to the shell: events to make durable, and when to ask again."""

from __future__ import annotations

from datetime import datetime

from remediator.core.events import Event
from remediator.core.model import Value


class Ruling(Value, frozen=True):
    """What `decide` answers: events to append in one transaction, and when to look at the incident again."""

    events: tuple[Event, ...] = ()
    again_at: datetime | None = None
