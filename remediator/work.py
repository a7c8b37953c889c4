"""What an errand does: looks at an incident's target, or carries an intent out while nothing speaks against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from remediator.agenda import Errand
from remediator.caller import Caller
from remediator.core.events import Intent, Undo
from remediator.core.kinds import ref_of
from remediator.core.model import Change, Phase, Verb
from remediator.core.observations import Carried, Looked, Observation, Ticked
from remediator.core.state import Incident, State
from remediator.executor import Executor
from remediator.logs import about
from remediator.objections import objection
from remediator.ports import Clock, Cluster, Notifier, Unavailable
from remediator.sources.looks import Looks
from remediator.sources.queries import Queries
from remediator.sources.reads import Reads

Holds = Callable[[], bool]
"""Whether this replica is in charge."""


class Seeing(NamedTuple):
    """What sees the cluster and the queries: `reads` those of alerts' targets, which a first look begins with."""

    looks: Looks
    reads: Reads
    queries: Queries | None


class Work:
    """The hands of one term of office. What it has issued itself it carries out; what it finds it settles first."""

    def __init__(
        self,
        cluster: Cluster,
        notifier: Notifier,
        clock: Clock,
        state: Callable[[], State],
        seeing: Seeing,
        holds: Holds,
    ) -> None:
        self._clock, self._state, self._seeing = clock, state, seeing
        self._executor = Executor(cluster, clock, self._objection, holds)
        self._caller = Caller(notifier, clock, state, self._objection, holds)
        self._issued: set[str] = set()
        self._writes: dict[str, Change] = {}

    def know(self, writes: dict[str, Change]) -> None:
        """Changes in full, by their intents, of which the journal has no secrets."""
        self._writes |= writes

    async def do(self, errand: Errand, incident: Incident) -> Observation:
        """What came of an errand."""
        if errand is Errand.LOOK:
            return await self._look(incident)
        return await self._carry(incident) if errand is Errand.CARRY else Ticked(incident.id)

    async def _look(self, incident: Incident) -> Looked:
        fresh = incident.phase is Phase.PENDING and incident.serial == 0
        before = self._seeing.reads.take(ref_of(incident.target)) if fresh else None
        return await self._seeing.looks.look(self._state(), self._valued(incident), before)

    async def _carry(self, incident: Incident) -> Carried:
        """An intent of this process is carried out; one found in the journal is settled first."""
        intent = incident.undo if incident.phase is Phase.UNDOING else incident.intent
        assert intent is not None, "acting and undoing incidents have an intent"
        about(remediation=intent.id)
        change = self._writes.pop(intent.id, intent.change)
        of_old = intent.epoch != self._state().epoch or intent.id in self._issued
        if isinstance(intent, Intent) and intent.change.verb is Verb.CALL:
            self._issued.add(intent.id)
            return await self._caller.carry_out(incident.id, intent, asked_before=of_old)
        if of_old:
            return await self._executor.settle(incident.id, intent)
        self._issued.add(intent.id)
        return await self._executor.carry_out(incident.id, replace(intent, change=change))

    async def _objection(self, incident_id: str, intent: Intent | Undo, waited: bool) -> str:
        """What speaks against writing an intent now. Raises `Unavailable` where that cannot be read."""
        state, facts = self._state(), None
        incident = state.incidents.get(incident_id)
        if waited and incident is not None and isinstance(intent, Intent):
            facts = await self._seeing.looks.look_again(state, self._valued(incident))
            if facts.unknown:
                raise Unavailable(facts.unknown)
        return objection(self._state(), incident_id, intent, facts, self._clock.now())

    def _valued(self, incident: Incident) -> Incident:
        """The incident with the value that its query has now."""
        return self._seeing.queries.with_value(incident) if self._seeing.queries else incident
