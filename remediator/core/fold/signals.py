"""Evidence onto the state: signals, incidents opened, and rules as they change under them."""

from __future__ import annotations

from datetime import datetime, timedelta

from immutables import Map
from msgspec.structs import replace

from remediator.core.events import Event, IncidentOpened, RulesChanged, Signal
from remediator.core.fold.place import keep, without
from remediator.core.guarding import LONGEST_WINDOW
from remediator.core.model import Phase
from remediator.core.rules import SOURCES
from remediator.core.state import (
    MAX_INSTANTS,
    MAX_NOTED,
    MAX_SIGNALS,
    Incident,
    SeenSignal,
    State,
    dark_key,
    open_key,
    told_key,
)


def signal(state: State, event: Event, data: Signal) -> State:
    """A signal: evidence of an incident, or one of no incident that is remembered as said."""
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
        told = without(told, told_key(event.rule, surplus.fingerprint))
    incident = _undoubted(incident, data, event.time)
    seen = _seen(data, event.time)
    told = without(told, key) if seen.resolved else told.set(key, incident.id)
    state = replace(state, told=told, noted=without(state.noted, key))
    after = _with_signals(incident, (*others, seen), event.time)
    turned = (after.cleared_at is None) != (incident.cleared_at is None) and bool(incident.signals)
    return keep(_turn(state, incident, event.time) if turned else state, after)


def _seen(data: Signal, at: datetime) -> SeenSignal:
    if data.status == "doubted":
        return SeenSignal(data.fingerprint, data.labels, data.starts_at, doubt=data.reason, doubted_at=at)
    return SeenSignal(data.fingerprint, data.labels, data.starts_at, resolved=data.status == "resolved")


def _undoubted(incident: Incident, data: Signal, at: datetime) -> Incident:
    """The incident where a signal fires: the time in which all of them were in doubt is taken out of `for`."""
    since = incident.doubted_at
    if data.status != "firing" or since is None:
        return incident
    return replace(incident, since=incident.since + (at - max(since, incident.since)))


def _turn(state: State, incident: Incident, at: datetime) -> State:
    """Evidence changed between firing and clear: too many such turns are flapping."""
    key = open_key(incident.definition.name, incident.target)
    return replace(state, turns=state.turns.set(key, (*state.turns.get(key, ()), at)[-MAX_INSTANTS:]))


def _note(state: State, key: str, status: str) -> State:
    """Remember a signal that belongs to no incident, in bounded space."""
    if status == "resolved":
        return replace(state, told=without(state.told, key), noted=without(state.noted, key))
    kept = state.noted if len(state.noted) < MAX_NOTED else Map()
    return replace(state, noted=kept.set(key, status))


def _with_signals(incident: Incident, signals: tuple[SeenSignal, ...], at: datetime) -> Incident:
    """The incident with this evidence. Where it comes back after it counted as clear, `for` begins anew."""
    if all(each.resolved for each in signals):
        return replace(incident, signals=signals, cleared_at=incident.cleared_at or at)
    interrupted = incident.clears_at is not None and incident.clears_at <= at
    return replace(incident, signals=signals, cleared_at=None, since=at if interrupted else incident.since)


def opened(state: State, event: Event, data: IncidentOpened) -> State:
    """An incident begins."""
    assert event.target is not None, "an incident is opened about a target"
    incident = Incident(
        id=event.incident,
        definition=state.rules[event.rule],
        target=event.target,
        opened_at=event.time,
        since=event.time,
        labels=data.labels,
        annotations=data.annotations,
        zone=data.zone,
    )
    key = open_key(event.rule, event.target)
    past = state.pasts.get(key)
    if past is not None and event.time - past.closed_at < timedelta(seconds=LONGEST_WINDOW):
        state = _turn(state, incident, event.time)
    return keep(replace(state, open=state.open.set(key, event.incident)), incident)


def rules(state: State, event: Event, data: RulesChanged) -> State:
    """The rules as they are from here on; open incidents keep what is evidence for them."""
    if data.error:
        return state
    rules = state.rules.update({rule.name: rule for rule in data.changed})
    for name in data.removed:
        rules = without(rules, name)
    touched = {rule.name for rule in data.changed} | set(data.removed)
    dark = state.dark
    for name in touched:
        for source in SOURCES:
            if name not in rules or rules[name].when.source != source:
                dark = without(dark, dark_key(source, name))
    before, state = state, replace(state, rules=rules, policy=data.policy or state.policy, dark=dark)
    for incident in state.incidents.values():
        if incident.definition.name in touched:
            state = _reconsidered(state, incident, event.time)
        if _is_released(before, state, incident):
            state = keep(state, _from_the_start(state.incidents[incident.id]))
    return state


def _is_released(before: State, state: State, incident: Incident) -> bool:
    """Whether it rests for no other reason than a mode that allows more by now."""
    present = state.rules.get(incident.definition.name)
    said = incident.said
    if incident.phase is not Phase.RESTING or present is None or said is None:
        return False
    step = incident.step
    raised = state.mode_of(present, step).rank > before.mode_of(incident.definition, step).rank
    by_mode = any(each.guard == "mode" and each.verdict == "deny" for each in said.verdicts)
    return raised and (said.result == "observe" or by_mode)


def _from_the_start(incident: Incident) -> Incident:
    """The incident on its first rung, as if nothing had been said: what was observed may be done now."""
    return replace(
        incident, phase=Phase.PENDING, step=0, tries=0, said=None, intent=None, escalation=None, cause=None, detail=""
    )


def _reconsidered(state: State, incident: Incident, at: datetime) -> State:
    """An incident whose rule changed keeps only what is evidence for the rule as it is now: of other alerts it
    would never hear the end.
    """
    rule, told, before = state.rules.get(incident.definition.name), state.told, incident.definition.when
    kept = tuple(seen for seen in incident.signals if rule is not None and rule.when.keeps(seen.labels, before))
    for seen in incident.signals:
        if seen not in kept:
            told = without(told, told_key(incident.definition.name, seen.fingerprint))
    return keep(replace(state, told=told), _with_signals(incident, kept, at))
