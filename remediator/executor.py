"""Execute: the one hand that writes to the cluster. An intent, durable before, becomes an outcome.

A write travels once with its precondition, and only while nothing objects to it. What cannot be known (a crash, a
time-out after sending) is looked up by the remediation's id on the object, or by its uid where it was to be taken away:
found done means adopted; what is not is fenced first, so that a late write must fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from remediator.actions.action import FENCE, REMEDIATION
from remediator.core.events import Intent, Undo
from remediator.core.model import Change, Json, OutcomeStatus, PatchType, Precondition, Ref, Verb
from remediator.core.observations import Carried
from remediator.logs import logger
from remediator.ports import (
    Clock,
    Cluster,
    ClusterError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Objection,
    OutcomeUnknown,
    Throttled,
    Unavailable,
)

log = logger("executor")

PATIENCE = 30.0
"""Seconds over which a write is tried again on 429, 5xx and refused connections."""

LONGEST_WAIT = 10.0
"""Seconds between two tries at most, unless the API server asks for longer (`Retry-After`)."""


@dataclass(frozen=True, slots=True)
class Executor:
    """Carries out intents against one cluster, one at a time for each target, unless there is an `objection`.

    It writes only while it `holds` office: a process that was stopped for a while may have lost it without knowing.
    """

    cluster: Cluster
    clock: Clock
    objection: Objection
    holds: Callable[[], bool] = lambda: True

    async def carry_out(self, incident: str, intent: Intent | Undo) -> Carried:
        """Write what is intended, at most once, and answer what became of it.

        Only for an intent made in this term of office that nobody has tried yet; any other is `settle`d.
        """
        waited, wait, doubtful = 0.0, 0.5, False
        while True:
            try:
                if why := await self.objection(incident, intent, waited > 0):
                    return await self._withdraw(incident, intent, why, doubtful)
                return _applied(incident, intent.id, await self._write(intent.change), OutcomeStatus.APPLIED)
            except OutcomeUnknown:
                return await self.settle(incident, intent)
            except (Throttled, Unavailable) as error:
                # The precondition holds a second try to the same object. A 5xx may have got through all the same.
                doubtful = doubtful or error.status >= 500
                if waited >= PATIENCE:
                    found = await self._found(incident, intent) if doubtful else None
                    return found or _failed(incident, intent.id, error)
                pause = max(min(wait, LONGEST_WAIT), min(getattr(error, "retry_after", 0.0), PATIENCE))
            except ClusterError as error:
                # After a doubtful try even a conflict may be with our own write.
                return await self.settle(incident, intent) if doubtful else _failed(incident, intent.id, error)
            await self.clock.sleep(pause)
            waited, wait = waited + pause, wait * 2

    async def settle(self, incident: str, intent: Intent | Undo) -> Carried:
        """Find out what became of an intent: adopted, gone, or never done and impossible by now. Tries until it knows.

        Being forbidden to look or to fence is no knowledge: it tries on, and says so once.
        """
        wait, said = 0.5, False
        while True:
            try:
                return await self._look_and_fence(incident, intent)
            except NotFound as error:
                return _failed(incident, intent.id, error)
            except ClusterError as error:
                # A conflict too: somebody wrote in between, perhaps the late write itself, so it looks again.
                if not said and isinstance(error, Forbidden | Invalid):
                    log.error("what became of a write cannot be found out", intent=intent.id, problem=error.message)
                    said = True
                await self.clock.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)

    async def _write(self, change: Change) -> Json:
        if not self.holds():
            raise Unavailable("this replica is not in charge any more: another one goes on")
        return await self.cluster.write(change)

    async def _withdraw(self, incident: str, intent: Intent | Undo, why: str, doubtful: bool) -> Carried:
        """Not to be written any more; where a try may have got through, that is found out first."""
        if doubtful:
            return await self.settle(incident, intent)
        return Carried(incident, intent.id, OutcomeStatus.NEVER_DONE, f"withdrawn before it was written: {why}")

    async def _found(self, incident: str, intent: Intent | Undo) -> Carried | None:
        """The intent as adopted where it is done; None where it is not, or that cannot be read."""
        try:
            live = await self._find(intent.change)
        except ClusterError:
            return None
        return _adopted(incident, intent, live) if _is_done(intent, live) else None

    async def _look_and_fence(self, incident: str, intent: Intent | Undo) -> Carried:
        change = intent.change
        live = await self._find(change)
        if _is_done(intent, live):
            return _adopted(incident, intent, live)
        if change.verb is Verb.CREATE:
            return _not_created(incident, intent, live)
        if live is None or not _is_its_object(intent, live):
            return Carried(incident, intent.id, OutcomeStatus.GONE, f"{change.ref} is {_where(intent, live)}")
        try:
            await self._write(_fence(change.ref, live, intent.id))
        except (Forbidden, Invalid):
            if not _has_moved_on(intent, live):
                raise
            return Carried(
                incident, intent.id, OutcomeStatus.NEVER_DONE, "not found, and the object has moved on since"
            )
        return Carried(incident, intent.id, OutcomeStatus.NEVER_DONE, "not found in the cluster, and fenced off")

    async def _find(self, change: Change) -> Json | None:
        """What stands at the change's address now; None where nothing does."""
        try:
            return await self.cluster.get(change.ref)
        except NotFound:
            return None


_TAKES_AWAY = (Verb.EVICT, Verb.DELETE)
"""Verbs that leave no object to bear an id: whether they were done is told by the object's uid."""


def _is_done(intent: Intent | Undo, live: Json | None) -> bool:
    """Whether the write got through: the object bears its id, or is gone, replaced or on its way out where it was to be
    taken away. Then nothing is left for a late one to do.
    """
    if intent.change.verb in _TAKES_AWAY:
        going = live is None or live["metadata"].get("deletionTimestamp") is not None
        return live is None or going or not _is_its_object(intent, live)
    made = intent.change.verb is Verb.CREATE
    return live is not None and (made or _is_its_object(intent, live)) and _carries(intent, live)


def _adopted(incident: str, intent: Intent | Undo, live: Json | None) -> Carried:
    """What was found done. An object that was to be taken away bears no id: that it is gone is as intended, and nothing
    in the cluster tells whose write took it, so that is said.
    """
    carried = _applied(incident, intent.id, live or {}, OutcomeStatus.ADOPTED)
    if intent.change.verb not in _TAKES_AWAY:
        return carried
    said = f"{intent.change.ref} is {_where(intent, live)}, by this write or by another's: nothing there tells"
    return replace(carried, detail=said)


def _where(intent: Intent | Undo, live: Json | None) -> str:
    """What became of an object that is not as it was."""
    if live is None:
        return "not there any more"
    return "on its way out" if _is_its_object(intent, live) else "replaced by another of its name"


def _not_created(incident: str, intent: Intent | Undo, live: Json | None) -> Carried:
    """A create that is not done. Its name is the fence: of a late one and its successor only one can come to be."""
    if live is None:
        return Carried(incident, intent.id, OutcomeStatus.NEVER_DONE, "nothing of this name is there")
    return Carried(incident, intent.id, OutcomeStatus.CONFLICT, "another object of this name is there")


def _is_its_object(intent: Intent | Undo, live: Json) -> bool:
    return live["metadata"]["uid"] == intent.change.precondition.uid


def _carries(intent: Intent | Undo, live: Json) -> bool:
    """Whether the object bears the remediation's id: the write got through."""
    return (live["metadata"].get("annotations") or {}).get(REMEDIATION) == intent.id


def _has_moved_on(intent: Intent | Undo, live: Json) -> bool:
    """Whether somebody has written to the object since the intent was planned, so that its precondition fails for good.

    Resource versions of one resource are whole numbers that grow (Kubernetes, KEP-5504); of others nothing is known.
    """
    then, now = intent.change.precondition.resource_version, live["metadata"]["resourceVersion"]
    return then.isdecimal() and now.isdecimal() and int(now) > int(then)


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
