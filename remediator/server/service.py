"""What the server asks of the running service; the controller's side implements it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from remediator.core.events import Pause
from remediator.core.model import Value
from remediator.core.observations import Answered, Paused
from remediator.ports import Clock, Journal
from remediator.relay import Undecided
from remediator.repeat import Supposed
from remediator.views import Explanation, IncidentView, PauseView, RuleView, StatusView

__all__ = ["Check", "Page", "Service", "Undecided"]


class Check(Value, frozen=True):
    """One condition of readiness: `rules`, `journal`, `cluster` or `caches`; `detail` says what is wrong, or more."""

    name: str
    ok: bool
    detail: str = ""


class Page(Value, frozen=True):
    """A part of a list, newest first. `next` asks for the part after it; empty where there is none."""

    items: tuple[Any, ...]
    next: str = ""


class Service(Protocol):
    """The running service. What it shows may be of any type that msgspec can encode as JSON, and holds no secrets."""

    @property
    def journal(self) -> Journal:
        """Where payloads become durable and records are read from."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock that stamps what comes in."""
        ...

    def refusing(self) -> str:
        """Why webhook payloads cannot be taken now (starting, stopping, journal failed); empty where they can.

        An unreachable cluster is no reason: what is in the inbox waits.
        """
        ...

    def standing_by(self) -> str:
        """Why nothing is decided by this replica, and which one is in charge; empty where this one is."""
        ...

    def received(self) -> None:
        """A payload became durable: wake whoever works on the inbox."""
        ...

    async def checks(self) -> Sequence[Check]:
        """Readiness now; asked by every probe, so it must be cheap."""
        ...

    async def status(self) -> StatusView:
        """The state of the service on one page: version, mode, leadership, rules loaded, their last error."""
        ...

    async def incidents(self, after: str, limit: int) -> Page:
        """Up to `limit` open incidents, newest first; `after` is the `next` of the page before, empty for the first.

        Pages stay as they are when incidents come and go. Raises `ValueError` where `after` is no such mark.
        """
        ...

    async def past(self, before: int | None, limit: int) -> Page:
        """Up to `limit` closed incidents, the last one first, whose ends have sequence numbers below `before`. Raises
        `JournalError`.
        """
        ...

    async def incident(self, id_: str) -> IncidentView | None:
        """One incident in full, open or closed; `None` where there is none of that id. Raises `JournalError`."""
        ...

    async def explain(self, name: str, at: datetime | None, supposed: Supposed | None = None) -> Explanation | None:
        """Why the last decision about an incident, or by a rule, up to that instant was what it was, and what it would
        have been under `supposed` settings; `None` where nothing of that name is known. Raises `JournalError`.
        """
        ...

    def rules(self) -> Sequence[RuleView]:
        """The rules in force, by name."""
        ...

    def head(self) -> int:
        """The last sequence number that is known here; asked all the time, so it must be cheap."""
        ...

    def is_ending(self) -> bool:
        """Whether the end was asked for: whoever follows is let go."""
        ...

    def measure(self) -> None:
        """Bring gauges that are only worth counting for a scrape up to date."""
        ...

    async def answer(self, answered: Answered) -> str:
        """A person's word on a plan that waits; empty where it counted, else why it did not. Raises `Undecided`."""
        ...

    def pauses(self) -> Sequence[PauseView]:
        """The pauses that stand, the oldest first."""
        ...

    async def pause(self, said: Paused) -> tuple[Pause, ...]:
        """A person pauses or resumes: the pauses that began or were lifted, once that is durable. Raises `Undecided`,
        and `JournalError` where it cannot be made durable.
        """
        ...

    async def reload(self, actor: str) -> Sequence[str]:
        """Read the rule files again: all of them or none. Empty where they are in force, else every mistake."""
        ...
