"""Objections: an intent that is durable and not written yet → why it must not be written any more. Pure.

Asked by the executor right before each write: what a person switches, or the signal, may have changed since the
decision; after a wait the live evidence is read anew as well.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from remediator.core.events import Intent, Undo
from remediator.core.model import Mode
from remediator.core.snapshot import Facts
from remediator.core.state import Incident, State
from remediator.core.surroundings import Need
from remediator.guards import (
    Guard,
    autoscaler,
    capacity,
    confirm,
    gitops,
    mode,
    opt_out,
    pause,
    protected,
    require,
    rollout,
    silence,
    veto,
    window,
)
from remediator.propose import answer_of, needs_by, plan_mark, request_of

AT_ONCE: tuple[Guard, ...] = (mode.GUARD, pause.GUARD, window.GUARD)
"""Guards that the state alone can answer."""

AFTER_WAITING: tuple[Guard, ...] = (
    *AT_ONCE,
    *(
        each.GUARD
        for each in (protected, opt_out, silence, require, veto, rollout, gitops, autoscaler, capacity, confirm)
    ),
)
"""Guards whose answer may have changed while a write waited. Those that count what is in flight count this one too."""


def objection(state: State, incident_id: str, intent: Intent | Undo, facts: Facts | None, now: datetime) -> str:
    """Why an intent must not be written now; empty where nothing speaks against it.

    `facts` are those of a fresh look where the write has waited, None right after the decision. An undo is only held
    back by the mode. That a signal is gone says nothing where our own writes may have silenced it.
    """
    incident = state.incidents.get(incident_id)
    if incident is None or intent.id not in {each.id for each in (incident.intent, incident.undo) if each}:
        return "it is not intended any more"
    allowed = state.mode_of(incident.definition, incident.step)
    if allowed not in (Mode.APPROVE, Mode.ENFORCE):
        return f"the mode is {allowed} by now"
    return _of_guards(state, incident, intent, facts, now) if isinstance(intent, Intent) else ""


def _of_guards(state: State, incident: Incident, intent: Intent, facts: Facts | None, now: datetime) -> str:
    if state.mode_of(incident.definition, incident.step) is Mode.APPROVE and not _is_approved(incident, intent):
        return "the mode is approve by now, and nobody has approved it"
    if incident.cleared_at is not None and not incident.silences_itself:
        return "the signal is gone"
    if state.is_dark(incident) and not incident.under_way:
        return "it is not known any more whether the signal stands"
    seen = facts or Facts(now, exists=True, uid=incident.target.uid)
    request = replace(request_of(state, incident, seen), change=intent.change)
    asked = AFTER_WAITING if facts else AT_ONCE
    verdicts = (answer_of(guard, request, state, seen, now) for guard in asked)
    return next((f"{each.guard}: {each.reason}" for each in verdicts if not each.allows), "")


def _is_approved(incident: Incident, intent: Intent) -> bool:
    """A step of several writes is approved with its first one."""
    return bool(incident.approved) if incident.under_way else incident.approved == plan_mark(intent.change)


def needs_again(state: State, incident: Incident, facts: Facts, now: datetime) -> frozenset[Need]:
    """What around the target must be read, so that the guards that are asked after a wait can answer."""
    return needs_by(AFTER_WAITING, request_of(state, incident, facts), state, facts, now)
