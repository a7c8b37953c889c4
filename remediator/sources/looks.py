"""Look: an incident's target read live, its conditions answered, and the change it suggests rehearsed.

Everything that a write depends on is read here, right before the decision; nothing comes from a cache. What cannot
be read is `unknown` with the reason, and unknown never acts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Set
from datetime import datetime
from functools import partial
from typing import TypeAlias

from msgspec.structs import replace

from remediator.actions import ACTIONS
from remediator.conditions import Unknown, checked_condition
from remediator.core.diagnosis import Diagnosis
from remediator.core.diff import diff
from remediator.core.histories import Revision, history, present
from remediator.core.kinds import KINDS, WORKLOADS, ref_of
from remediator.core.model import Change, Json, Phase, Verb
from remediator.core.observations import Looked
from remediator.core.rules import Query
from remediator.core.selecting import selector_of
from remediator.core.snapshot import Answer, Facts, PodFacts, Rehearsal, Snapshot
from remediator.core.state import Incident, State
from remediator.core.surroundings import Need
from remediator.core.workload import facts_of
from remediator.objections import needs_again
from remediator.ports import Clock, Cluster, ClusterError, Conflict, Forbidden, Invalid, NotFound, Throttled
from remediator.propose import diagnosis_is_due, digest, needs_of, wanted_change
from remediator.sources.diagnoses import Diagnoses
from remediator.sources.inquiries import Inquiries, conditions
from remediator.sources.namespaces import Namespaces
from remediator.sources.pods import pod_facts
from remediator.sources.reads import Read
from remediator.sources.spoken import speaks, spoken_of
from remediator.sources.still import still
from remediator.sources.successors import moved
from remediator.sources.surroundings import Reader, surroundings
from remediator.sources.view import view_of

Lists: TypeAlias = dict[str, tuple[Json, ...]]

MOST_HELD = 64
"""Objects that the API server does not let go now (429), after which a look asks about no further one."""


class Looks:
    """Looks at the targets of one cluster. `outside` reads what the cluster itself does not know, and may answer all
    who are held back alike; where nothing holds a write back, `anew` reads the same once more.
    """

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        asking: Inquiries,
        outside: Mapping[Need, Reader] | None = None,
        anew: Mapping[Need, Reader] | None = None,
    ) -> None:
        self._cluster, self._clock, self._asking = cluster, clock, asking
        self._diagnoses, self._namespaces = Diagnoses(cluster, clock), Namespaces(clock)
        self._readers = {**(outside or {}), Need.GATES: asking.gates}
        self._anew = anew or {}

    async def look(self, state: State, incident: Incident, before: Read | None = None) -> Looked:
        """Read the incident's target and rehearse what would be done about it. Never raises a `ClusterError`.

        Where the API server answers that an object may not go now, an action may plan on without it, and is asked
        again. `before` is the target as it was read a moment ago: it is not read again.
        """
        clock = self._clock
        snapshot = await read(self._cluster, clock, self._asking, state, incident, before)
        needs = needs_of(state, incident, snapshot.facts, clock.now()) if snapshot.facts.exists else frozenset[Need]()
        snapshot = await self._surrounded(state, incident, snapshot, needs, self._readers)
        change = wanted_change(state, incident, _timed(snapshot, clock), clock.now())
        if change and (again := needs & self._anew.keys()):
            before_that, snapshot = snapshot, await self._surrounded(state, incident, snapshot, again, self._anew)
            if snapshot != before_that:
                change = wanted_change(state, incident, _timed(snapshot, clock), clock.now())
        diagnosing = self._diagnosing(state, incident, snapshot, change)
        try:
            snapshot, rehearsal = await _rehearsed(self._cluster, clock, state, incident, snapshot, change)
            return Looked(incident.id, _timed(snapshot, clock), rehearsal, await diagnosing if diagnosing else None)
        finally:
            if diagnosing:
                diagnosing.cancel()

    async def look_again(self, state: State, incident: Incident) -> Facts:
        """Read what a write that has waited still depends on. Never raises a `ClusterError`."""
        snapshot = await read(self._cluster, self._clock, self._asking, state, incident)
        known = snapshot.facts.exists
        needs = needs_again(state, incident, snapshot.facts, self._clock.now()) if known else frozenset[Need]()
        readers = {**self._readers, **self._anew}
        return _timed(await self._surrounded(state, incident, snapshot, needs, readers), self._clock).facts

    async def _surrounded(
        self, state: State, incident: Incident, snapshot: Snapshot, needs: Set[Need], readers: Mapping[Need, Reader]
    ) -> Snapshot:
        """The snapshot with what guards in force need to know around the target; nothing else is read."""
        if not needs:
            return snapshot
        readers = {Need.NAMESPACE: partial(self._namespaces.read, snapshot.facts.taken_at), **readers}
        found = await surroundings(self._cluster, state, incident, snapshot.live, needs, readers)
        return replace(snapshot, facts=replace(snapshot.facts, around=snapshot.facts.around.renewed(found, needs)))

    def _diagnosing(
        self, state: State, incident: Incident, snapshot: Snapshot, change: Change | None
    ) -> asyncio.Task[Diagnosis] | None:
        """The diagnosis under way beside the rehearsal, where it is due; it is bounded in time and never fails."""
        if not snapshot.live or not diagnosis_is_due(state, incident, change, self._clock.now()):
            return None
        return asyncio.create_task(self._diagnoses.of(incident.target, snapshot.live))


async def _rehearsed(
    cluster: Cluster, clock: Clock, state: State, incident: Incident, snapshot: Snapshot, change: Change | None
) -> tuple[Snapshot, Rehearsal | None]:
    """The API server's answer about a change, or about what an action plans in its stead while that may not be."""
    rehearsal = await rehearse(cluster, change, snapshot) if change else None
    while change and rehearsal and rehearsal.status == "throttled" and len(snapshot.held) < MOST_HELD:
        snapshot = replace(snapshot, held=snapshot.held | {change.precondition.uid: rehearsal.detail})
        following = wanted_change(state, incident, _timed(snapshot, clock), clock.now())
        if following is None or following.precondition.uid in snapshot.held:
            break
        change, rehearsal = following, await rehearse(cluster, following, snapshot)
    return snapshot, rehearsal


def _timed(snapshot: Snapshot, clock: Clock) -> Snapshot:
    """The snapshot with the time that looking has taken until now."""
    took = max((clock.now() - snapshot.facts.taken_at).total_seconds(), 0.0)
    return replace(snapshot, facts=replace(snapshot.facts, took=took))


async def read(
    cluster: Cluster,
    clock: Clock,
    asking: Inquiries,
    state: State,
    incident: Incident,
    before: Read | None = None,
) -> Snapshot:
    """The target as it is now, with as much of its surroundings as the rule and its step need."""
    taken_at = before.taken_at if before else clock.now()
    try:
        live = before.live if before else await cluster.get(ref_of(incident.target))
        revisions, pods, lists, around, answered, more = await _beside(cluster, asking, incident, live, taken_at)
    except NotFound:
        return Snapshot(Facts(taken_at, exists=False))
    except ClusterError as error:
        return Snapshot(Facts(taken_at, unknown=f"{type(error).__name__}: {error.message}"))
    facts = facts_of(live, taken_at, present(live, revisions))
    sources = _sources(incident)
    view = view_of(incident, live, facts, pods, taken_at, more) if sources else {}
    answers = (*around, *(_answer(source, incident, view) for source in sources), *answered)
    if incident.phase is Phase.VERIFYING:
        facts = replace(facts, proofs=(*answers, *_resolved(state, incident)))
    else:
        facts = replace(facts, answers=answers)
    return Snapshot(replace(facts, kept=_kept(incident, live)), live, revisions, pods or (), lists)


async def _beside(
    cluster: Cluster, asking: Inquiries, incident: Incident, live: Json, now: datetime
) -> tuple[tuple[Revision, ...], tuple[PodFacts, ...] | None, Lists, tuple[Answer, ...], tuple[Answer, ...], Json]:
    """What the rule and its step want to know beside the target, all asked at once: revisions, pods, lists, what
    stands around it, what queries answer, and further fields of `target`. Most want nothing, and nothing is begun.
    """
    step = ACTIONS[incident.definition.do[incident.step].action]
    spoken, queries, by_object = _sources(incident), _queries(incident), incident.definition.when.object
    if not (spoken or queries or by_object or step.reads or _reads_revisions(incident)):
        return (), None, {}, (), (), {}
    return await asyncio.gather(
        _revisions(cluster, incident, live),
        _pods(cluster, incident, live),
        _lists(cluster, incident, live),
        _around(cluster, incident, live),
        conditions(asking, queries, incident.labels),
        spoken_of(cluster, incident, live, spoken, now),
    )


async def rehearse(cluster: Cluster, change: Change, snapshot: Snapshot) -> Rehearsal:
    """Ask the API server about a change with a dry run; the diff is between what is there and its answer, where it is
    the target that is changed.
    """
    mark = digest(change)
    if change.verb is Verb.CALL:
        return Rehearsal(mark, "accepted", detail="an outside system cannot be asked beforehand")
    try:
        after = await cluster.rehearse(change)
    except (Conflict, NotFound) as error:
        return Rehearsal(mark, "conflict", detail=error.message)
    except (Forbidden, Invalid) as error:
        return Rehearsal(mark, "refused", detail=error.message)
    except Throttled as error:
        return Rehearsal(mark, "throttled", detail=error.message)
    except ClusterError as error:
        return Rehearsal(mark, "unknown", detail=f"{type(error).__name__}: {error.message}")
    changes_target = change.verb is Verb.PATCH and change.precondition.uid == snapshot.facts.uid
    return Rehearsal(mark, "accepted", diff(snapshot.live, after) if changes_target else "")


async def _revisions(cluster: Cluster, incident: Incident, live: Json) -> tuple[Revision, ...]:
    """The target's roll-out history; none where no step of the rule plans on it.

    How the pods of a revision fare stands in the status of a ReplicaSet, but in no ControllerRevision.
    """
    target = incident.target
    if not _reads_revisions(incident):
        return ()
    selector = selector_of(live)
    if target.kind == "Deployment":
        return history(live, await cluster.list(KINDS["ReplicaSet"], target.namespace, selector))
    kinds = (KINDS["ControllerRevision"], KINDS["Pod"])
    kept, pods = await asyncio.gather(*(cluster.list(kind, target.namespace, selector) for kind in kinds))
    return history(live, kept, pods)


def _reads_revisions(incident: Incident) -> bool:
    """Whether a step of the rule plans on the roll-out history, or takes a roll-back back, and the target has one."""
    wanted = any(ACTIONS[step.action].reads_revisions for step in incident.definition.do)
    undoes = incident.definition.until_of(incident.step).on_failure == "undo"
    return wanted and (incident.phase is not Phase.VERIFYING or undoes) and incident.target.kind in WORKLOADS


async def _lists(cluster: Cluster, incident: Incident, live: Json) -> Lists:
    """The objects that the present step's action plans on; none that it does not ask for."""
    step = incident.definition.do[incident.step]
    reads = ACTIONS[step.action].reads
    if reads is None or incident.phase not in (Phase.PENDING, Phase.WORKING):
        return {}
    wanted = reads(incident.target, live, step.args)
    found = await asyncio.gather(
        *(cluster.list(each.resource, each.namespace, each.selector, each.fields) for each in wanted)
    )
    return {each.resource.kind: tuple(objects) for each, objects in zip(wanted, found, strict=True)}


async def _pods(cluster: Cluster, incident: Incident, live: Json) -> tuple[PodFacts, ...] | None:
    """The target's pods; None where no condition of the rule speaks of them, or the kind has none."""
    if not speaks(_sources(incident), "pods") or incident.target.kind not in WORKLOADS:
        return None
    pods = await cluster.list(KINDS["Pod"], incident.target.namespace, selector_of(live))
    return tuple(pod_facts(pod) for pod in pods)


async def _around(cluster: Cluster, incident: Incident, live: Json) -> tuple[Answer, ...]:
    """Whether the objects that the rule fires for still meet its condition, asked until something was done; from then
    on whether what a drain evicted runs elsewhere.
    """
    if incident.phase is Phase.VERIFYING:
        return await moved(cluster, incident)
    return await still(cluster, incident, live) if incident.phase in (Phase.PENDING, Phase.ACTING) else ()


def _sources(incident: Incident) -> tuple[str, ...]:
    """The CEL texts that matter now: the rule's conditions, or what proves the step under verification."""
    if incident.phase is not Phase.VERIFYING:
        return incident.definition.conditions
    check = incident.definition.until_of(incident.step).check
    return (check,) if check else ()


def _queries(incident: Incident) -> tuple[Query, ...]:
    """The queries that matter now, as `_sources`."""
    if incident.phase is not Phase.VERIFYING:
        return incident.definition.queries
    query = incident.definition.until_of(incident.step).query
    return (query,) if query else ()


def _resolved(state: State, incident: Incident) -> tuple[Answer, ...]:
    """Whether no signal of the incident fires any more, where that is asked for; not known in the dark."""
    if not incident.definition.until_of(incident.step).resolved:
        return ()
    if state.is_dark(incident):
        return (Answer("alert resolved", None, "it is not known whether the signal still stands"),)
    return (Answer("alert resolved", incident.cleared_at is not None),)


def _kept(incident: Incident, live: Json) -> bool | None:
    """Whether the change under verification still stands; None where none is, or its action cannot tell."""
    kept = ACTIONS[incident.intent.action].kept if incident.intent else None
    if kept is None or incident.intent is None or incident.phase not in (Phase.VERIFYING, Phase.WORKING):
        return None
    return kept(incident.intent, live)


def _answer(source: str, incident: Incident, view: Json) -> Answer:
    said = checked_condition(source).evaluate(view)
    if isinstance(said, Unknown):
        return Answer(source, None, said.reason)
    return Answer(source, said)
