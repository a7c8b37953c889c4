"""The agenda: which incident wants what, and when. Derived from the state, so that a restart loses nothing of it."""

from __future__ import annotations

import enum
import heapq
from datetime import datetime, timedelta

from remediator.core.model import Phase
from remediator.core.state import Incident


class Errand(enum.StrEnum):
    """What an incident may want of the shell."""

    LOOK = "look"
    CARRY = "carry"
    TICK = "tick"


def wanted(incident: Incident) -> tuple[Errand, datetime] | None:
    """The incident's next errand and the earliest instant for it; None where only a signal can move it."""
    if incident.phase in (Phase.ACTING, Phase.UNDOING):
        return Errand.CARRY, incident.opened_at
    if incident.phase in (Phase.VERIFYING, Phase.WORKING):
        return Errand.LOOK, incident.opened_at
    clears_at = None if incident.owes_an_answer else incident.clears_at
    if incident.phase is Phase.AWAITING and incident.expires_at is not None:
        return Errand.TICK, min(incident.expires_at, clears_at or incident.expires_at)
    if clears_at is not None:
        return Errand.TICK, clears_at
    if incident.phase is Phase.PENDING:
        return Errand.LOOK, incident.fires_at
    return None


class Agenda:
    """Incidents by the instant at which they want something; one entry each, the latest word counts."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []
        self._due: dict[str, datetime] = {}

    def put(self, incident: str, at: datetime) -> None:
        """Remember that the incident wants attention at that instant, whatever was said of it before."""
        self._due[incident] = at
        heapq.heappush(self._heap, (at, incident))

    def drop(self, incident: str) -> None:
        """Forget an incident."""
        self._due.pop(incident, None)

    def next_at(self) -> datetime | None:
        """The earliest instant at which something is wanted."""
        self._tidy()
        return self._heap[0][0] if self._heap else None

    def take(self, now: datetime) -> str:
        """Take out the next incident whose instant has come, inclusive; '' where none has."""
        self._tidy()
        if not self._heap or self._heap[0][0] > now:
            return ""
        _, incident = heapq.heappop(self._heap)
        self._due.pop(incident, None)
        return incident

    def _tidy(self) -> None:
        """Entries that a later word replaced stay in the heap until they come up."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)


def backoff(misses: int, longest: float = 30.0) -> timedelta:
    """The wait after so many failures in a row: 1 s, 2 s, 4 s … up to `longest` seconds."""
    return timedelta(seconds=min(2.0 ** min(misses, 10), longest))
