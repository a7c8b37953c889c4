"""Evaluate: sightings of alerts → signals, said once, and incidents opened. Pure.

An incident is rule + owning target, so five pods under two alert names of one Deployment are one incident.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from remediator.bookkeeping import about
from remediator.core.events import Event, IncidentClosed, IncidentOpened, Signal
from remediator.core.fold import fold
from remediator.core.model import CloseReason, Phase, Target
from remediator.core.observations import Sighting
from remediator.core.state import MAX_SIGNALS, Incident, SeenSignal, State, open_key, told_key
from remediator.guards.guard import limits_of


def evaluate(state: State, sightings: tuple[Sighting, ...], now: datetime) -> tuple[Event, ...]:
    """The events that these sightings add to what the journal already says; none where nothing is new."""
    events: list[Event] = []
    said: tuple[Event, ...] = ()
    for sighting in sightings:
        state = fold(said, state)
        said = tuple(_said_once(state, sighting, now))
        events += said
    return tuple(events)


def _said_once(state: State, sighting: Sighting, now: datetime) -> Iterator[Event]:
    if sighting.rule and sighting.rule not in state.rules:
        return  # the rule was removed while its alert was on the way
    if sighting.status == "skipped":
        yield from _skipped(state, sighting, now)
    elif sighting.status == "resolved":
        yield from _resolved(state, sighting, now)
    elif sighting.status == "doubted":
        yield from _doubted(state, sighting, now)
    elif sighting.target is None:
        yield from _unresolved(state, sighting, now)
    else:
        yield from _firing(state, sighting, sighting.target, now)


def _skipped(state: State, sighting: Sighting, now: datetime) -> Iterator[Event]:
    if told_key("", sighting.fingerprint) not in state.noted:
        yield Event(now, _signal_of(sighting, "skipped"))


def _unresolved(state: State, sighting: Sighting, now: datetime) -> Iterator[Event]:
    if told_key(sighting.rule, sighting.fingerprint) not in state.noted:
        yield Event(now, _signal_of(sighting, "unresolved"), rule=sighting.rule)


def _resolved(state: State, sighting: Sighting, now: datetime) -> Iterator[Event]:
    key = told_key(sighting.rule, sighting.fingerprint)
    if key not in state.told and key not in state.noted:
        return
    incident = state.incidents.get(state.told.get(key, ""))
    if incident is not None and _is_late(incident, sighting):
        return
    yield Event(
        now,
        _signal_of(sighting, "resolved"),
        incident=incident.id if incident else "",
        rule=sighting.rule,
        target=incident.target if incident else None,
    )


def _is_late(incident: Incident, sighting: Sighting) -> bool:
    """Whether this is the end of an earlier firing than the incident knows of: Alertmanagers of one cluster send what
    they have in any order.
    """
    known = [seen.starts_at for seen in incident.signals if seen.fingerprint == sighting.fingerprint and seen.starts_at]
    return sighting.ends_at is not None and any(sighting.ends_at <= at for at in known)


def _doubted(state: State, sighting: Sighting, now: datetime) -> Iterator[Event]:
    """A signal is gone, and nobody has measured that: said once for each reason."""
    incident = state.incidents.get(state.told.get(told_key(sighting.rule, sighting.fingerprint), ""))
    seen = _standing(incident, sighting.fingerprint) if incident is not None else None
    if incident is None or seen is None or seen.doubt == sighting.reason:
        return
    signal = replace(_signal_of(sighting, "doubted"), starts_at=seen.starts_at)
    yield Event(now, signal, incident=incident.id, rule=sighting.rule, target=incident.target)


def _standing(incident: Incident, fingerprint: str) -> SeenSignal | None:
    return next((seen for seen in incident.signals if seen.fingerprint == fingerprint and not seen.resolved), None)


def _firing(state: State, sighting: Sighting, target: Target, now: datetime) -> Iterator[Event]:
    incident = state.incident_of(sighting.rule, target)
    if incident is not None and _is_about_a_predecessor(incident, target):
        cancelled = IncidentClosed(CloseReason.CANCELLED, "the target was replaced by a successor")
        yield about(state, incident, cancelled, now)
        incident = None
    if incident is None:
        if _is_aftermath(state, sighting, target, now):
            return
        incident_id = _incident_id(state, sighting.rule, target, now)
        opened = IncidentOpened(sighting.labels, sighting.annotations, sighting.zone)
        yield Event(now, opened, incident=incident_id, rule=sighting.rule, target=target)
    elif _is_said(incident, sighting.fingerprint) or _has_enough(incident):
        return
    else:
        incident_id = incident.id
    signal = _signal_of(sighting, "firing")
    yield Event(now, signal, incident=incident_id, rule=sighting.rule, target=target)


def _is_about_a_predecessor(incident: Incident, target: Target) -> bool:
    """Whether the incident rests, and the object that it is about is no more: its successor is another matter."""
    return incident.phase is Phase.RESTING and bool(target.uid) and target.uid != incident.target.uid


def _is_said(incident: Incident, fingerprint: str) -> bool:
    seen = _standing(incident, fingerprint)
    return seen is not None and not seen.doubt


def _has_enough(incident: Incident) -> bool:
    """Whether so many alerts speak of the incident that one more changes nothing."""
    return sum(not seen.resolved for seen in incident.signals) >= MAX_SIGNALS


def _is_aftermath(state: State, sighting: Sighting, target: Target, now: datetime) -> bool:
    """Whether this alert only echoes an incident that recovered: the same firing, still within the cooldown.

    `increase` and `max_over_time` keep an alert firing after the cure, and it is sent again at every
    `repeat_interval`; a cured incident is not opened again by its own echo.
    """
    past = state.pasts.get(open_key(sighting.rule, target))
    if past is None or past.reason is not CloseReason.RECOVERED:
        return False
    echo = any(
        seen.fingerprint == sighting.fingerprint and seen.starts_at == sighting.starts_at for seen in past.signals
    )
    rule = state.rules[sighting.rule]
    return echo and (now - past.closed_at).total_seconds() < limits_of(state.policy, rule).cooldown


def _signal_of(sighting: Sighting, status: str) -> Signal:
    return Signal(
        sighting.source,
        status,
        sighting.fingerprint,
        sighting.labels,
        sighting.annotations,
        sighting.starts_at,
        sighting.reason,
        sighting.received_at,
        sighting.value,
    )


def _incident_id(state: State, rule: str, target: Target, now: datetime) -> str:
    """Twelve hex digits, the same for the same rule, target, instant and predecessor: a replay makes the same ids, and
    an incident that follows another within one instant has its own.
    """
    past = state.pasts.get(open_key(rule, target))
    before = past.incident if past is not None and past.closed_at >= now else ""
    text = "\n".join((rule, target.key, target.uid, now.isoformat(), before))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
