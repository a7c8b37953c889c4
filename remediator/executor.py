"""Execute: the one hand that writes to the cluster. An intent, durable before, becomes an outcome.

A write travels once with its precondition. What cannot be known (a crash, a time-out after sending) is looked up by
the remediation's id on the object: found means adopted; not found is fenced first, so that a late write must fail.
"""

from __future__ import annotations

from dataclasses import dataclass

from remediator.actions.action import REMEDIATION
from remediator.core.events import Intent, Undo
from remediator.core.model import Change, Json, OutcomeStatus, PatchType, Precondition, Ref, Verb
from remediator.core.observations import Carried
from remediator.ports import (
    Clock,
    Cluster,
    ClusterError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    OutcomeUnknown,
    Throttled,
    Unavailable,
)

FENCE = "remediator.io/fence"
"""Annotation that moves an object's resourceVersion, so that every write planned before it fails."""

PATIENCE = 30.0
"""Seconds over which a write is tried again on 429, 5xx and refused connections."""

LONGEST_WAIT = 10.0


@dataclass(frozen=True, slots=True)
class Executor:
    """Carries out intents against one cluster, one at a time for each target."""

    cluster: Cluster
    clock: Clock

    async def carry_out(self, incident: str, intent: Intent | Undo) -> Carried:
        """Write what is intended, at most once, and answer what became of it.

        Only for an intent made in this term of office that nobody has tried yet; any other is `settle`d.
        """
        waited, wait = 0.0, 0.5
        while True:
            try:
                return _applied(incident, intent.id, await self.cluster.write(intent.change), OutcomeStatus.APPLIED)
            except OutcomeUnknown:
                return await self.settle(incident, intent)
            except (Throttled, Unavailable) as error:
                # Nothing was done, and the precondition holds a second try to the same object.
                if waited >= PATIENCE:
                    return _failed(incident, intent.id, error)
                pause = min(max(wait, getattr(error, "retry_after", 0.0)), LONGEST_WAIT)
            except Conflict as error:
                if waited:  # a try that was answered with an error may have got through: it may be our own write
                    return await self.settle(incident, intent)
                return _failed(incident, intent.id, error)
            except ClusterError as error:
                return _failed(incident, intent.id, error)
            await self.clock.sleep(pause)
            waited, wait = waited + pause, wait * 2

    async def settle(self, incident: str, intent: Intent | Undo) -> Carried:
        """Find out what became of an intent: adopted, or fenced off and never done. Tries until it knows."""
        wait = 0.5
        while True:
            try:
                return await self._look_and_fence(incident, intent)
            except (NotFound, Forbidden, Invalid) as error:
                return _failed(incident, intent.id, error)
            except ClusterError:
                # A conflict too: somebody wrote in between, perhaps the late write itself, so it looks again.
                await self.clock.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)

    async def _look_and_fence(self, incident: str, intent: Intent | Undo) -> Carried:
        live = await self.cluster.get(intent.change.ref)
        if live["metadata"]["uid"] != intent.change.precondition.uid:
            return Carried(incident, intent.id, OutcomeStatus.GONE, "the object was replaced by another of its name")
        if (live["metadata"].get("annotations") or {}).get(REMEDIATION) == intent.id:
            return _applied(incident, intent.id, live, OutcomeStatus.ADOPTED)
        await self.cluster.write(_fence(intent.change.ref, live, intent.id))
        return Carried(incident, intent.id, OutcomeStatus.NEVER_DONE, "not found in the cluster, and fenced off")


def _fence(ref: Ref, live: Json, intent_id: str) -> Change:
    meta = live["metadata"]
    return Change(
        Verb.PATCH,
        ref,
        {"metadata": {"annotations": {FENCE: intent_id}}},
        Precondition(meta["uid"], meta["resourceVersion"]),
        PatchType.MERGE,
        summary=f"fence off {intent_id}",
    )


def _applied(incident: str, intent: str, live: Json, status: OutcomeStatus) -> Carried:
    meta = live.get("metadata") or {}
    return Carried(incident, intent, status, "", meta.get("resourceVersion", ""), meta.get("generation", 0))


def _failed(incident: str, intent: str, error: ClusterError) -> Carried:
    status = OutcomeStatus.FAILED
    if isinstance(error, Conflict):
        status = OutcomeStatus.CONFLICT
    elif isinstance(error, NotFound):
        status = OutcomeStatus.GONE
    elif isinstance(error, Forbidden | Invalid):
        status = OutcomeStatus.REFUSED
    return Carried(incident, intent, status, f"{type(error).__name__}: {error.message}")
