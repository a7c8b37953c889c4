"""`apply`: one event of the journal onto the state. Pure; the whole state is `fold(apply, events)`.

Each kind of event has one function below. An event of an unknown incident changes nothing, so that an archive may
drop closed ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from immutables import Map
from msgspec.structs import replace

from remediator.core.events import (
    Decision,
    Escalated,
    Event,
    IncidentClosed,
    IncidentOpened,
    Intent,
    Leader,
    Outcome,
    RulesChanged,
    Signal,
    Undo,
    Verification,
)
from remediator.core.model import CloseReason, Mode, OutcomeStatus, Phase
from remediator.core.state import (
    MAX_NOTED,
    MAX_SIGNALS,
    Ended,
    Incident,
    Past,
    SeenSignal,
    State,
    open_key,
    told_key,
)

LONGEST_WINDOW = timedelta(days=7)
"""Reservations older than this are forgotten; no budget may look further back."""

UNDONE = (OutcomeStatus.CONFLICT, OutcomeStatus.NEVER_DONE)
"""Outcomes after which the same step is planned again and its reservation is given back."""


def fold(events: Iterable[Event], state: State | None = None) -> State:
    """The state after all events, from an empty one or from a given one."""
    state = state or State()
    for event in events:
        state = apply(state, event)
    return state


def apply(state: State, event: Event) -> State:
    """The state after one more event; kinds without a meaning for decisions leave it as it is."""
    step = _STEPS.get(type(event.data))
    return step(state, event, event.data) if step else state


def _keep(state: State, incident: Incident) -> State:
    """Put an incident's new form in place, and its hold on the target with it."""
    incident = _up_to_date(state, incident)
    key, hands = incident.target.key, state.hands
    if incident.in_hand:
        hands = hands.set(key, incident.id)
    elif hands.get(key) == incident.id:
        hands = hands.delete(key)
    return replace(state, incidents=state.incidents.set(incident.id, incident), hands=hands)


def _up_to_date(state: State, incident: Incident) -> Incident:
    """A pending incident follows its rule as it is now; what is in hand ends under the rule it was begun with."""
    rule = state.rules.get(incident.definition.name)
    if rule is None or rule is incident.definition or incident.phase is not Phase.PENDING:
        return incident
    if incident.step < len(rule.do):
        return replace(incident, definition=rule, said=None)
    return replace(incident, definition=rule, said=None, step=len(rule.do) - 1, phase=Phase.RESTING)


def _signal(state: State, event: Event, data: Signal) -> State:
    key = told_key(event.rule, data.fingerprint)
    if not event.incident:
        return _note(state, key, data.status)
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    others = [seen for seen in incident.signals if seen.fingerprint != data.fingerprint]
    told = state.told
    if len(others) >= MAX_SIGNALS:  # one that ended goes first
        surplus = next((seen for seen in others if seen.resolved), others[0])
        others.remove(surplus)
        told = _without(told, told_key(event.rule, surplus.fingerprint))
    seen = SeenSignal(data.fingerprint, data.labels, data.starts_at, resolved=data.status == "resolved")
    told = _without(told, key) if seen.resolved else told.set(key, incident.id)
    state = replace(state, told=told, noted=_without(state.noted, key))
    return _keep(state, _with_signals(incident, (*others, seen), event.time))


def _note(state: State, key: str, status: str) -> State:
    """Remember a signal that belongs to no incident, in bounded space."""
    if status == "resolved":
        return replace(state, told=_without(state.told, key), noted=_without(state.noted, key))
    kept = state.noted if len(state.noted) < MAX_NOTED else Map()
    return replace(state, noted=kept.set(key, status))


def _with_signals(incident: Incident, signals: tuple[SeenSignal, ...], at: datetime) -> Incident:
    """The incident with this evidence. Where it comes back after it counted as clear, `for` begins anew."""
    if all(each.resolved for each in signals):
        return replace(incident, signals=signals, cleared_at=incident.cleared_at or at)
    interrupted = incident.clears_at is not None and incident.clears_at <= at
    return replace(incident, signals=signals, cleared_at=None, since=at if interrupted else incident.since)


def _opened(state: State, event: Event, data: IncidentOpened) -> State:
    assert event.target is not None, "an incident is opened about a target"
    incident = Incident(
        id=event.incident,
        definition=state.rules[event.rule],
        target=event.target,
        opened_at=event.time,
        since=event.time,
        labels=data.labels,
        annotations=data.annotations,
    )
    opened = state.open.set(open_key(event.rule, event.target), event.incident)
    return _keep(replace(state, open=opened), incident)


def _decision(state: State, event: Event, data: Decision) -> State:
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    incident = replace(incident, said=data)
    if data.then:
        denials = {verdict.guard: verdict.reason for verdict in data.verdicts if verdict.verdict == "deny"}
        cause = CloseReason.CONTENDED if "contention" in denials else CloseReason.REFUSED
        incident = replace(
            incident,
            cause=incident.cause or cause,
            detail="; ".join(denials.values()) or incident.detail,
        )
        incident = _go_on(incident) if data.then == "next" else replace(incident, phase=Phase.RESTING)
    return _keep(state, incident)


def _go_on(incident: Incident) -> Incident:
    """To the next rung, or to rest where the ladder ends."""
    ends = incident.step + 1 >= len(incident.definition.do)
    return replace(
        incident,
        phase=Phase.RESTING if ends else Phase.PENDING,
        step=incident.step if ends else incident.step + 1,
        tries=0,
        undo_tries=0,
        intent=None,
        undo=None,
        verified=None,
    )


def _intent(state: State, event: Event, data: Intent) -> State:
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    spent_key = shadow(event.mode) + incident.definition.name
    kept = tuple(at for at in state.spent.get(spent_key, ()) if at > event.time - LONGEST_WINDOW)
    state = replace(state, spent=state.spent.set(spent_key, (*kept, event.time)))
    acting = replace(
        incident,
        phase=Phase.ACTING,
        intent=data,
        intended_at=event.time,
        tries=incident.tries + 1,
        serial=incident.serial + 1,
    )
    return _keep(state, acting)


def shadow(mode: Mode | None) -> str:
    """Prefix of the keys under which observe mode spends."""
    return "shadow:" if mode is Mode.OBSERVE else ""


def _undo(state: State, event: Event, data: Undo) -> State:
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
    return _keep(state, undoing)


def _outcome(state: State, event: Event, data: Outcome) -> State:
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    if incident.undo is not None:
        return _keep(_end_action(state, incident, event), _after_undo(incident, data))
    if data.status in UNDONE:
        return _keep(_give_back(state, incident), replace(incident, phase=Phase.PENDING, intent=None))
    mode = Mode.OBSERVE if data.status is OutcomeStatus.REHEARSED else None
    return _keep(_end_action(state, incident, event, mode), _after(incident, event, data))


def _after(incident: Incident, event: Event, data: Outcome) -> Incident:
    if data.status in (OutcomeStatus.APPLIED, OutcomeStatus.ADOPTED):
        return replace(incident, phase=Phase.VERIFYING, carried_at=event.time)
    if data.status is OutcomeStatus.REHEARSED:
        return replace(incident, phase=Phase.RESTING, intent=None)
    if data.status is OutcomeStatus.GONE:
        return replace(incident, phase=Phase.PENDING, intent=None, detail=data.detail)
    return _go_on(replace(incident, cause=CloseReason.FAILED, detail=data.detail))


def _after_undo(incident: Incident, data: Outcome) -> Incident:
    if data.status in (OutcomeStatus.APPLIED, OutcomeStatus.ADOPTED):
        return _go_on(incident)
    if data.status in UNDONE:  # verification looks again, fails again, and plans the undo anew
        return replace(incident, phase=Phase.VERIFYING, undo=None)
    return _go_on(replace(incident, detail=f"{incident.detail}; undo: {data.status}: {data.detail}"))


def _give_back(state: State, incident: Incident) -> State:
    """Take the incident's own reservation out of the budget: of a write, since a rehearsal has but one outcome."""
    rule, at = incident.definition.name, incident.intended_at
    spent = list(state.spent.get(rule, ()))
    if at is not None and at in spent:
        spent.remove(at)
    return replace(state, spent=state.spent.set(rule, tuple(spent)))


def _end_action(state: State, incident: Incident, event: Event, mode: Mode | None = None) -> State:
    """Note the end of a write, or of a rehearsal in observe mode; the mode in force may have changed in between."""
    ended = Ended(event.time, incident.id)
    return replace(state, ended=state.ended.set(shadow(mode) + incident.target.key, ended))


def _verification(state: State, event: Event, data: Verification) -> State:
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    incident = replace(incident, verified=data)
    if data.result == "failed":
        state = _end_action(state, incident, event)
        incident = replace(incident, cause=CloseReason.FAILED, detail=data.detail)
        if data.then == "next":
            incident = _go_on(incident)
    return _keep(state, incident)


def _escalated(state: State, event: Event, data: Escalated) -> State:
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    waiting = data.status in ("requested", "undelivered")
    phase = Phase.ESCALATING if waiting else Phase.RESTING
    return _keep(state, replace(incident, phase=phase, escalation=data, cause=data.cause, serial=incident.serial + 1))


def _closed(state: State, event: Event, data: IncidentClosed) -> State:
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    if data.reason is CloseReason.RECOVERED:
        state = _end_action(state, incident, event)
    key = open_key(incident.definition.name, incident.target)
    told = state.told
    for seen in incident.signals:
        told = _without(told, told_key(incident.definition.name, seen.fingerprint))
    hands = state.hands
    if hands.get(incident.target.key) == incident.id:
        hands = hands.delete(incident.target.key)
    return replace(
        state,
        incidents=state.incidents.delete(incident.id),
        open=_without(state.open, key),
        pasts=state.pasts.set(key, Past(event.time, data.reason, incident.signals)),
        told=told,
        hands=hands,
    )


def _rules(state: State, event: Event, data: RulesChanged) -> State:
    if data.error:
        return state
    rules = state.rules.update({rule.name: rule for rule in data.changed})
    for name in data.removed:
        rules = _without(rules, name)
    state = replace(state, rules=rules, policy=data.policy or state.policy)
    touched = {rule.name for rule in data.changed} | set(data.removed)
    for incident in state.incidents.values():
        if incident.definition.name in touched:
            state = _reconsidered(state, incident, event.time)
    return state


def _reconsidered(state: State, incident: Incident, at: datetime) -> State:
    """An incident whose rule changed keeps only what is evidence for the rule as it is now: of other alerts it
    would never hear the end.
    """
    rule, told = state.rules.get(incident.definition.name), state.told
    kept = tuple(seen for seen in incident.signals if rule is not None and rule.when.matches(seen.labels))
    for seen in incident.signals:
        if seen not in kept:
            told = _without(told, told_key(incident.definition.name, seen.fingerprint))
    return _keep(replace(state, told=told), _with_signals(incident, kept, at))


def _leader(state: State, event: Event, data: Leader) -> State:
    return replace(state, epoch=data.epoch)


def _without(mapping: Any, key: str) -> Any:
    return mapping.delete(key) if key in mapping else mapping


_STEPS: dict[type, Callable[[State, Event, Any], State]] = {
    Signal: _signal,
    IncidentOpened: _opened,
    Decision: _decision,
    Intent: _intent,
    Undo: _undo,
    Outcome: _outcome,
    Verification: _verification,
    Escalated: _escalated,
    IncidentClosed: _closed,
    RulesChanged: _rules,
    Leader: _leader,
}
