"""What was decided and done onto the state: decisions, intents, outcomes, verifications, ends."""

from __future__ import annotations

from msgspec.structs import replace

from remediator.core.events import Decision, Escalated, Event, IncidentClosed, Intent, Outcome, Undo, Verification
from remediator.core.fold.approvals import awaiting
from remediator.core.fold.budgets import give_back, reserve
from remediator.core.fold.ladder import go_on
from remediator.core.fold.parts import ended, given_up, goes_on, written
from remediator.core.fold.place import keep, shadow, without
from remediator.core.model import CloseReason, Mode, OutcomeStatus, Phase
from remediator.core.progress import Progress
from remediator.core.state import MAX_INSTANTS, Ended, Incident, Past, SeenSignal, State, open_key, told_key

CAUSES = {"contention": CloseReason.CONTENDED, "attempts": CloseReason.INEFFECTIVE}
"""What a denial by these guards makes of an incident; by any other it is `refused`."""

UNDONE = (OutcomeStatus.CONFLICT, OutcomeStatus.NEVER_DONE)
"""Outcomes after which the same step is planned again and its reservation is given back."""


def decision(state: State, event: Event, data: Decision) -> State:
    """What was decided; after a denial the ladder goes on or rests."""
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    incident = replace(incident, said=data)
    if data.result == "await_approval":
        incident = awaiting(incident, data)
    if data.then:
        incident = _denied(incident, data) if data.result == "deny" else go_on(incident)
    elif data.result == "deny":
        incident = given_up(incident, "; ".join(_denials(data).values()))
    return keep(state, incident)


def _denials(data: Decision) -> dict[str, str]:
    return {verdict.guard: verdict.reason for verdict in data.verdicts if verdict.verdict == "deny"}


def _denied(incident: Incident, data: Decision) -> Incident:
    """Where a denial leads, and what it becomes known as."""
    denials = _denials(data)
    cause = next((CAUSES[guard] for guard in denials if guard in CAUSES), CloseReason.REFUSED)
    incident = replace(incident, cause=incident.cause or cause, detail="; ".join(denials.values()) or incident.detail)
    if data.then == "rest":
        return replace(incident, phase=Phase.RESTING)
    return go_on(incident, to_person=data.then == "person")


def intent(state: State, event: Event, data: Intent) -> State:
    """A write is about to happen: its budget is reserved, once for a step of several, and the target held."""
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    first = data.part <= 1
    state = reserve(state, incident, event.time, event.mode) if first else state
    acting = replace(
        incident,
        phase=Phase.ACTING,
        intent=data,
        intended_at=event.time if first else incident.intended_at,
        progress=Progress(event.time, data.until, data.due) if data.part == 1 and data.until else incident.progress,
        tries=incident.tries + 1,
        serial=incident.serial + 1,
    )
    return keep(state, acting)


def undo(state: State, event: Event, data: Undo) -> State:
    """A write is about to be taken back."""
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    undoing = replace(
        incident,
        phase=Phase.UNDOING,
        undo=data,
        undo_tries=incident.undo_tries + 1,
        serial=incident.serial + 1,
    )
    return keep(state, undoing)


def outcome(state: State, event: Event, data: Outcome) -> State:
    """What became of an intent or undo."""
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    if incident.undo is not None:
        return keep(_end_action(state, incident, event), _after_undo(incident, data))
    if goes_on(incident, data):
        return keep(_end_action(state, incident, event), written(incident, event, data))
    if data.status in UNDONE:
        planned_anew = replace(incident, phase=Phase.PENDING, intent=None, progress=None)
        return keep(give_back(state, incident), planned_anew)
    mode = Mode.OBSERVE if data.status is OutcomeStatus.REHEARSED else None
    return keep(_end_action(state, incident, event, mode), _after(incident, event, data))


def _after(incident: Incident, event: Event, data: Outcome) -> Incident:
    if data.status in (OutcomeStatus.APPLIED, OutcomeStatus.ADOPTED):
        verifying = replace(incident, phase=Phase.VERIFYING, carried_at=event.time, generation=data.generation)
        return replace(verifying, blind=0.0, blind_since=None)
    if data.status is OutcomeStatus.REHEARSED:
        return replace(incident, phase=Phase.RESTING, intent=None, progress=None)
    if data.status is OutcomeStatus.GONE:
        return replace(incident, phase=Phase.PENDING, intent=None, progress=None, detail=data.detail)
    return go_on(replace(incident, cause=CloseReason.FAILED, detail=data.detail))


def _after_undo(incident: Incident, data: Outcome) -> Incident:
    if data.status in (OutcomeStatus.APPLIED, OutcomeStatus.ADOPTED):
        return go_on(incident)
    if data.status in UNDONE:  # the next look sees it fail again, and plans the undo anew
        return replace(incident, phase=Phase.WORKING if incident.under_way else Phase.VERIFYING, undo=None)
    return go_on(replace(incident, detail=f"{incident.detail}; undo: {data.status}: {data.detail}"))


def _end_action(state: State, incident: Incident, event: Event, mode: Mode | None = None) -> State:
    """Note the end of a write, or of a rehearsal in observe mode; the mode in force may have changed in between."""
    ended = Ended(event.time, incident.id)
    return replace(state, ended=state.ended.set(shadow(mode) + incident.target.key, ended))


def verification(state: State, event: Event, data: Verification) -> State:
    """What evidence says of a step; after a failure the ladder goes on."""
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    if data.then == "verify":
        return keep(_end_action(state, incident, event), ended(incident, event.time))
    incident = _sighted(replace(incident, verified=data), event)
    if data.result == "failed":
        state = _end_action(state, incident, event)
        incident = _failed(replace(incident, cause=CloseReason.FAILED, detail=data.detail), data)
    return keep(state, incident)


def _failed(incident: Incident, data: Verification) -> Incident:
    """Where a step that did not help leads."""
    match data.then:
        case "next":
            return go_on(incident)
        case "person":
            return go_on(replace(incident, cause=CloseReason.CONTENDED), to_person=True)
        case "again":
            return replace(incident, phase=Phase.PENDING, intent=None, verified=None, reverts=incident.reverts + 1)
        case "rest":
            return replace(incident, phase=Phase.RESTING, cause=CloseReason.CANCELLED, progress=None)
        case _:  # the undo follows in the same append
            return given_up(incident, data.detail)


def _sighted(incident: Incident, event: Event) -> Incident:
    """Time without evidence is no time in which a step may fail."""
    if incident.verified is not None and incident.verified.result == "unknown":
        return replace(incident, blind_since=incident.blind_since or event.time)
    if incident.blind_since is None:
        return incident
    blind = max((event.time - incident.blind_since).total_seconds(), 0.0)
    return replace(incident, blind=incident.blind + blind, blind_since=None)


def escalated(state: State, event: Event, data: Escalated) -> State:
    """A person is told, or was."""
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    waiting = data.status in ("requested", "undelivered")
    phase = Phase.ESCALATING if waiting else Phase.RESTING
    return keep(state, replace(incident, phase=phase, escalation=data, cause=data.cause, serial=incident.serial + 1))


def closed(state: State, event: Event, data: IncidentClosed) -> State:
    """An incident ends; what it leaves behind is its past and the rest of its target."""
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    if data.reason is CloseReason.RECOVERED:
        state = _cured(_end_action(state, incident, event), incident, event)
    key = open_key(incident.definition.name, incident.target)
    told = state.told
    for seen in incident.signals:
        told = without(told, told_key(incident.definition.name, seen.fingerprint))
    hands = state.hands
    if hands.get(incident.target.key) == incident.id:
        hands = hands.delete(incident.target.key)
    return replace(
        state,
        incidents=state.incidents.delete(incident.id),
        open=without(state.open, key),
        pasts=state.pasts.set(key, Past(incident.id, event.time, data.reason, _unlabelled(incident.signals))),
        told=told,
        hands=hands,
    )


def _unlabelled(signals: tuple[SeenSignal, ...]) -> tuple[SeenSignal, ...]:
    """What an echo is known by: a past outlives its incident by days, its labels need not."""
    return tuple(replace(seen, labels={}) for seen in signals)


def _cured(state: State, incident: Incident, event: Event) -> State:
    """A success is remembered: what comes back too often after it was not cured."""
    key = open_key(incident.definition.name, incident.target)
    return replace(state, cured=state.cured.set(key, (*state.cured.get(key, ()), event.time)[-MAX_INSTANTS:]))
