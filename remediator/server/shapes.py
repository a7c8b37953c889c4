"""What the API's answers look like, for those that are not values of their own elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from remediator.core.model import Json, Target, Value
from remediator.server.pauses import PauseSaid
from remediator.server.service import Check
from remediator.views import IncidentView, PauseView, RuleView


class Readiness(Value, frozen=True):
    """Whether it is ready, and every condition of it."""

    ready: bool
    checks: tuple[Check, ...]


class IncidentPage(Value, frozen=True):
    """Incidents, newest first; `next` asks for the page after it, empty where there is none."""

    items: tuple[IncidentView, ...]
    next: str


class Rules(Value, frozen=True):
    """The rules in force, by name."""

    items: tuple[RuleView, ...]


class PausesStanding(Value, frozen=True):
    """The pauses that stand, the oldest first."""

    items: tuple[PauseView, ...]


class JournalLine(Value, frozen=True):
    """One line of the journal, as an export has it; see docs/journal.md."""

    seq: int
    time: datetime
    kind: str
    incident: str
    rule: str
    target: Target | None
    mode: str | None
    actor: str
    data: Json
    prev: str
    hash: str


class JournalPage(Value, frozen=True):
    """Lines in order; `next` is the sequence number of the last that was seen."""

    items: tuple[JournalLine, ...]
    next: str


class AlertPayload(Value, frozen=True):
    """Alertmanager's payload; what else it holds is passed over, and an alert that cannot be used is one skip."""

    version: Literal["4"]
    alerts: tuple[Any, ...] | None = ()


class Taken(Value, frozen=True):
    """A payload is durable: so many alerts, and what could not be used."""

    alerts: int
    skipped: tuple[str, ...]


class Counted(Value, frozen=True):
    """An answer to a plan counted."""

    incident: str
    plan: str
    approved: bool
    by: str


class Paused(Value, frozen=True):
    """A pause stands."""

    paused: PauseSaid
    by: str


class Resumed(Value, frozen=True):
    """These pauses were lifted."""

    resumed: tuple[PauseSaid, ...]
    by: str


class Waiting(Value, frozen=True):
    """A word is durable, and is decided once a replica is in charge."""

    kept: bool
    by: str
    detail: str


class Reloaded(Value, frozen=True):
    """The rules are in force as the files say."""

    reloaded: bool
