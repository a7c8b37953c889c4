"""Decide: the whole policy of the product as one pure function over state, observation and now.

`decide` answers the events to be appended, and when to look again at what can only wait. It never reads or writes
anything, so that the same journal and the same observation give the same decision, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from remediator import bookkeeping
from remediator.actions import ACTIONS
from remediator.announce import announced
from remediator.conclude import conclude
from remediator.core.events import (
    Decision,
    Escalated,
    Event,
    IncidentClosed,
    Outcome,
)
from remediator.core.model import (
    CloseReason,
    Mode,
    OutcomeStatus,
    Phase,
)
from remediator.core.observations import (
    Answered,
    Arrived,
    Asked,
    Carried,
    Elected,
    Looked,
    Observation,
    Paused,
    Reloaded,
    Ticked,
    Told,
)
from remediator.core.ruling import Ruling, withheld
from remediator.core.snapshot import Rehearsal
from remediator.core.state import Incident, State
from remediator.evaluate import evaluate
from remediator.pausing import paused
from remediator.proceed import proceed
from remediator.propose import Proposal, next_id, plan_mark, propose
from remediator.weigh import LOOK_AGAIN, intend, is_said, rehearsed, weigh

SOON = timedelta(milliseconds=250)
MOST_TOLD = 50
"""Writes of a step of several that are named before it begins."""


def decide(state: State, observation: Observation, now: datetime) -> Ruling:
    """The events that follow from an observation in this state at this instant, and whom they are told to."""
    return withheld(announced(state, _HANDLERS[type(observation)](state, observation, now), now))


def _arrived(state: State, observation: Arrived, now: datetime) -> Ruling:
    return Ruling(evaluate(state, observation.sightings, now))


def _asked(state: State, observation: Asked, now: datetime) -> Ruling:
    return Ruling((*bookkeeping.shone(state, observation, now), *evaluate(state, observation.sightings, now)))


def _ticked(state: State, observation: Ticked, now: datetime) -> Ruling:
    """A timer; whether signals are gone for good is not known in the dark."""
    incident = state.incidents.get(observation.incident)
    if incident is not None and incident.clears_at is not None and state.is_dark(incident):
        return Ruling(again_at=now + LOOK_AGAIN)
    return Ruling(bookkeeping.ticked(state, observation, now))


def _looked(state: State, observation: Looked, now: datetime) -> Ruling:
    incident = state.incidents.get(observation.incident)
    if incident is None:
        return Ruling()
    if incident.phase is Phase.VERIFYING:
        return conclude(state, incident, observation, now)
    if incident.phase is Phase.WORKING:
        return proceed(state, incident, observation, now)
    if incident.phase is not Phase.PENDING:
        return Ruling()
    if state.is_dark(incident) and not incident.owes_an_answer:
        return Ruling(again_at=now + LOOK_AGAIN)
    if incident.clears_at is not None and not incident.owes_an_answer:
        return Ruling(bookkeeping.ticked(state, Ticked(incident.id), now), again_at=incident.clears_at)
    if now < incident.fires_at:
        return Ruling(again_at=incident.fires_at)
    return _due(state, incident, observation, now)


def _due(state: State, incident: Incident, observation: Looked, now: datetime) -> Ruling:
    """A firing incident whose target was just read: close it, decide it, or look again."""
    facts = observation.snapshot.facts
    gone = not facts.exists or facts.uid != incident.target.uid
    if gone and not facts.unknown and not _took_it_in_vain(incident):
        closed = IncidentClosed(CloseReason.CANCELLED, "the target is gone or was replaced by a successor")
        return Ruling((_event(state, incident, closed, now),))
    proposal = propose(state, incident, observation.snapshot, now)
    if proposal.request.writes_nothing and proposal.allowed:
        said = _tell if proposal.request.action.tells else _pass_on
        return Ruling((*_diagnosed(state, incident, observation, now), *said(state, incident, proposal, now)))
    if state.is_dark(incident):
        return Ruling(again_at=now + LOOK_AGAIN)
    if proposal.change is not None and proposal.allowed:
        verdict = rehearsed(proposal.change, observation.rehearsal, now)
        if verdict is None:
            return Ruling(again_at=now + SOON)
        proposal = replace(proposal, verdicts=(*proposal.verdicts, verdict))
    return _decision(state, incident, proposal, observation, now)


def _took_it_in_vain(incident: Incident) -> bool:
    """Whether a step that takes its target away (`rerun_job`) was tried in vain: then that there is none, or another of
    its name, is no end of the matter, and somebody is still to be told.
    """
    tried = incident.definition.do[: incident.step]
    return incident.owes_an_answer and any(ACTIONS[each.action].outlives for each in tried)


def _decision(state: State, incident: Incident, proposal: Proposal, observation: Looked, now: datetime) -> Ruling:
    decision = replace(weigh(proposal, observation.snapshot), outlook=_told(proposal.outlook))
    if decision.result == "act" and proposal.request.mode is Mode.APPROVE:
        decision = _unless_approved(decision, incident, proposal, now)
    if decision.result in ("act", "observe"):
        assert observation.rehearsal is not None, "only a rehearsed change gets this far"
        events = _intend(state, incident, decision, proposal, observation.rehearsal, now)
        return Ruling((*_diagnosed(state, incident, observation, now), *events))
    if is_said(decision, incident.said):
        return Ruling(again_at=decision.retry_at)
    before = _diagnosed(state, incident, observation, now) if decision.result == "await_approval" else ()
    return Ruling((*before, _event(state, incident, decision, now)), again_at=decision.retry_at)


def _diagnosed(state: State, incident: Incident, observation: Looked, now: datetime) -> tuple[Event, ...]:
    """How the target stands, durable before anything is done or told; nothing where it was not read."""
    found = observation.diagnosis
    return (_event(state, incident, found, now),) if found is not None else ()


def _told(outlook: tuple[str, ...]) -> tuple[str, ...]:
    surplus = len(outlook) - MOST_TOLD
    return (*outlook[:MOST_TOLD], f"and {surplus} more") if surplus > 0 else outlook


def _unless_approved(decision: Decision, incident: Incident, proposal: Proposal, now: datetime) -> Decision:
    """The decision where its very plan is approved; otherwise one that waits for a person's word on it."""
    assert proposal.change is not None, "only a planned change is acted on"
    plan = plan_mark(proposal.change)
    if incident.approved == plan:
        return decision
    expires = now + timedelta(seconds=proposal.request.limits.approval.timeout)
    return replace(decision, result="await_approval", plan=plan, retry_at=expires)


def _intend(
    state: State,
    incident: Incident,
    decision: Decision,
    proposal: Proposal,
    rehearsal: Rehearsal,
    now: datetime,
) -> tuple[Event, ...]:
    """The decision and its intent together: durable in one append, before anything is done."""
    intent = intend(state, incident, proposal, rehearsal, now)
    events = (_event(state, incident, decision, now), intent)
    if proposal.request.mode is not Mode.OBSERVE:
        return events
    outcome = Outcome(
        next_id(incident), OutcomeStatus.REHEARSED, "observe mode: accepted in a dry run, nothing written"
    )
    return (*events, _event(state, incident, outcome, now))


def _tell(state: State, incident: Incident, proposal: Proposal, now: datetime) -> tuple[Event, ...]:
    """The last rung: a person."""
    observing = proposal.request.mode is Mode.OBSERVE
    decision = Decision(
        "observe" if observing else "act", proposal.verdicts, incident.step, proposal.request.action.name
    )
    escalated = Escalated(
        proposal.request.step.args["receiver"],
        "observed" if observing else "requested",
        incident.cause or CloseReason.REFUSED,
        incident.detail or "the rule's first step is to tell a person",
    )
    return _event(state, incident, decision, now), _event(state, incident, escalated, now)


def _pass_on(state: State, incident: Incident, proposal: Proposal, now: datetime) -> tuple[Event, ...]:
    """A rung that only looks: what was found is said before this, and the next rung is due."""
    result = "observe" if proposal.request.mode is Mode.OBSERVE else "act"
    action = proposal.request.action.name
    return (_event(state, incident, Decision(result, proposal.verdicts, incident.step, action, then="next"), now),)


def _event(state: State, incident: Incident, data: Any, now: datetime) -> Event:
    return bookkeeping.about(state, incident, data, now)


_HANDLERS: dict[type, Callable[[State, Any, datetime], Ruling]] = {
    Arrived: _arrived,
    Asked: _asked,
    Looked: _looked,
    Carried: lambda state, seen, now: Ruling(bookkeeping.carried(state, seen, now)),
    Told: lambda state, seen, now: Ruling(bookkeeping.told(state, seen, now)),
    Answered: lambda state, seen, now: Ruling(bookkeeping.answered(state, seen, now)),
    Paused: lambda state, seen, now: Ruling(paused(state, seen, now)),
    Ticked: _ticked,
    Reloaded: lambda state, seen, now: Ruling(bookkeeping.reloaded(state, seen, now)),
    Elected: lambda state, seen, now: Ruling(bookkeeping.elected(state, seen, now)),
}
