"""Which incident wants what, and when: errands are begun when they are due, one an incident, and bring a mail back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from remediator.agenda import Agenda, Errand, backoff, wanted
from remediator.core.model import Phase, Verb
from remediator.core.observations import Looked, Paused, Reloaded, Ticked
from remediator.core.state import Incident, State
from remediator.decide import Ruling
from remediator.logs import about, logger
from remediator.mailbox import Mail, Mailbox
from remediator.pausing import held_back
from remediator.ports import Clock
from remediator.work import Work

log = logger("errands")

MOST_ERRANDS = 64
"""Reads and writes under way at once."""

VERIFYING_LOOKS = 50
"""Looks a second at targets in verification, all together: their polling must not take the API server from those whose
remediation is due.
"""


class Errands:
    """Errands under way and to come. What is begun was durable before; what it brings is put into the mailbox."""

    def __init__(self, clock: Clock, state: Callable[[], State], work: Work, mailbox: Mailbox) -> None:
        self._clock, self._state, self._work, self._mailbox = clock, state, work, mailbox
        self._agenda = Agenda()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._carrying: set[str] = set()
        self._misses: dict[str, int] = {}

    @property
    def are_full(self) -> bool:
        """Whether enough are under way."""
        return len(self._under_way) >= MOST_ERRANDS

    @property
    def are_writing(self) -> bool:
        """Whether the outcome of a write is still to come."""
        return bool(self._carrying)

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """All that is under way."""
        return tuple(self._under_way.values())

    def next_at(self) -> datetime | None:
        """When the next one is due."""
        return self._agenda.next_at()

    def take_up(self) -> None:
        """Plan for every incident that is open, as after a start."""
        for incident in self._state().incidents.values():
            self._schedule(incident)

    def begin_due(self) -> None:
        """Begin what is due, as far as there is room."""
        while not self.are_full and (incident_id := self._agenda.take(self._clock.now())):
            incident = self._state().incidents.get(incident_id)
            want = wanted(incident) if incident else None
            if incident is not None and want is not None and incident_id not in self._under_way:
                self._under_way[incident_id] = asyncio.create_task(self._run(incident, want[0]))
                if want[0] is Errand.CARRY and not _is_call(incident):
                    self._carrying.add(incident_id)

    def note(self, mail: Mail, ruling: Ruling) -> None:
        """What an observation led to is durable: plan for whom it touched, or for nobody any more."""
        if mail.errand:  # only now may the incident have another
            self._under_way.pop(mail.errand, None)
            self._carrying.discard(mail.errand)
        self._work.know(ruling.writes)
        seen = mail.observation
        about = getattr(seen, "incident", "")
        for incident_id in self._touched(mail, ruling) | ({about} if about else set()):
            incident = self._state().incidents.get(incident_id)
            if incident is None:
                self._agenda.drop(incident_id)
                self._misses.pop(incident_id, None)
            elif incident_id not in self._under_way:
                self._schedule(incident, ruling if incident_id == about else None, mail)

    def _touched(self, mail: Mail, ruling: Ruling) -> set[str]:
        """The incidents that may want something else by now."""
        seen, touched = mail.observation, {event.incident for event in ruling.events if event.incident}
        if isinstance(seen, Reloaded) and ruling.events:
            touched |= set(self._state().incidents)  # what was held by the old rules may be allowed by the new ones
        if isinstance(seen, Paused) and seen.pause.lifted and ruling.events:
            touched |= held_back(self._state())
        return touched

    def _schedule(self, incident: Incident, ruling: Ruling | None = None, mail: Mail | None = None) -> None:
        want = wanted(incident)
        if want is None:
            return self._agenda.drop(incident.id)
        at = max(want[1], ruling.again_at) if ruling and ruling.again_at else want[1]
        if incident.phase is Phase.VERIFYING:
            many = len(self._state().hands)
            turn = many / VERIFYING_LOOKS if many > VERIFYING_LOOKS else 0.0
            at = max(at, self._clock.now() + timedelta(seconds=turn))
        if mail is not None and _missed(mail):
            self._misses[incident.id] = self._misses.get(incident.id, -1) + 1
            at = max(want[1], self._clock.now() + backoff(self._misses[incident.id]))
        elif mail is not None:
            self._misses.pop(incident.id, None)
        return self._agenda.put(incident.id, at)

    async def _run(self, incident: Incident, errand: Errand) -> None:
        about(incident=incident.id, rule=incident.definition.name)
        try:
            mail = Mail(await self._work.do(errand, incident), errand=incident.id)
        except Exception as error:  # one object that breaks our code must not stop what is done about the others
            log.error("errand failed", errand=errand, problem=f"{type(error).__name__}: {error}")
            mail = Mail(Ticked(incident.id), errand=incident.id, missed=True)
        if errand is Errand.CARRY or incident.phase is Phase.VERIFYING:
            self._mailbox.put_patient(mail)
        else:
            await self._mailbox.put(mail)


def _is_call(incident: Incident) -> bool:
    """Whether an outside system is being asked: nothing to be waited for at the end, it is asked again by its key."""
    return incident.intent is not None and incident.intent.change.verb is Verb.CALL


def _missed(mail: Mail) -> bool:
    """Whether an errand brought nothing back: an unreadable target, a fault of ours."""
    if isinstance(mail.observation, Looked):
        return bool(mail.observation.snapshot.facts.unknown)
    return mail.missed
