"""A person's word onto the state: plans that wait for it, and what was said of them."""

from __future__ import annotations

from msgspec.structs import replace

from remediator.core.events import Approval, Decision, Event
from remediator.core.fold.ladder import go_on
from remediator.core.fold.place import keep
from remediator.core.model import CloseReason, Phase
from remediator.core.state import Incident, State


def awaiting(incident: Incident, data: Decision) -> Incident:
    """The incident while its plan waits; answers to an earlier plan no longer count."""
    return replace(incident, phase=Phase.AWAITING, plan=data.plan, expires_at=data.retry_at, approvals=(), approved="")


def approval(state: State, event: Event, data: Approval) -> State:
    """An answer: with enough approvals the plan is decided again; a denial rests, an expiry goes on or rests."""
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    if data.answer == "refused":
        return keep(state, replace(incident, turned_away=incident.turned_away + 1))
    if data.answer == "approve":
        heard = replace(incident, approvals=(*incident.approvals, event.actor))
        return keep(state, replace(heard, phase=Phase.PENDING, approved=data.plan) if data.enough else heard)
    if data.answer == "deny":
        why = f"{event.actor} denied it: {data.reason or 'no reason given'}"
        return keep(state, replace(incident, phase=Phase.RESTING, cause=CloseReason.CANCELLED, detail=why))
    expired = replace(incident, cause=CloseReason.EXPIRED, detail=data.reason)
    return keep(state, go_on(expired, to_person=True) if data.then == "person" else _resting(expired))


def _resting(incident: Incident) -> Incident:
    return replace(incident, phase=Phase.RESTING)
