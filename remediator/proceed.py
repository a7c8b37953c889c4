"""Proceed: a step of several writes whose target was just read → its next write, a wait, its end, or giving it up.

Pure, and without a memory of its own: what is live and what the journal says is done tell what comes next, whoever
is in office by now.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from remediator.actions.action import Done
from remediator.bookkeeping import about
from remediator.conclude import fail, hands_off
from remediator.core.events import IncidentClosed, Verification
from remediator.core.model import CloseReason
from remediator.core.observations import Looked
from remediator.core.ruling import Ruling
from remediator.core.snapshot import Facts
from remediator.core.state import Incident, State
from remediator.propose import Proposal, propose
from remediator.stopping import Stop, stop_of
from remediator.weigh import LOOK_AGAIN, intend, is_said, rehearsed, weigh

SOON = timedelta(milliseconds=250)


def proceed(state: State, incident: Incident, observation: Looked, now: datetime) -> Ruling:
    """A step under way whose target was just read. What cannot be read is waited for: nothing is done, nor given up."""
    facts = observation.snapshot.facts
    if facts.unknown:
        return Ruling(again_at=now + LOOK_AGAIN)
    proposal = propose(state, incident, observation.snapshot, now)
    if _is_gone(incident, facts) and not proposal.request.action.outlives:
        closed = IncidentClosed(CloseReason.CANCELLED, "the target is gone or was replaced by a successor")
        return Ruling((about(state, incident, closed, now),))
    stop = stop_of(proposal.request, proposal.verdicts, facts, now)
    if stop is not None:
        return _given_up(state, incident, proposal, stop, observation, now)
    if isinstance(proposal.request.change, Done):
        return Ruling((about(state, incident, _ended(incident, proposal.request.change), now),), now + SOON)
    return _next(state, incident, proposal, observation, now)


def _is_gone(incident: Incident, facts: Facts) -> bool:
    return not facts.exists or facts.uid != incident.target.uid


def _next(state: State, incident: Incident, proposal: Proposal, observation: Looked, now: datetime) -> Ruling:
    """The next write where every guard and the API server's dry run allow it; else what holds it back, said once."""
    if proposal.change is not None and proposal.allowed:
        verdict = rehearsed(proposal.change, observation.rehearsal, now)
        if verdict is None:
            return Ruling(again_at=now + SOON)
        proposal = replace(proposal, verdicts=(*proposal.verdicts, verdict))
        stop = stop_of(proposal.request, proposal.verdicts, observation.snapshot.facts, now)
        if stop is not None:
            return _given_up(state, incident, proposal, stop, observation, now)
    decision = weigh(proposal, observation.snapshot)
    said = () if is_said(decision, incident.said) else (about(state, incident, decision, now),)
    if decision.result == "hold":
        return Ruling(said, again_at=_no_later(incident, decision.retry_at))
    assert observation.rehearsal is not None, "only a rehearsed change gets this far"
    return Ruling((*said, intend(state, incident, proposal, observation.rehearsal, now)))


def _no_later(incident: Incident, at: datetime | None) -> datetime | None:
    """An instant to look again, but no later than the step's end."""
    return min(at, incident.progress.until) if at and incident.progress else at


def _ended(incident: Incident, done: Done) -> Verification:
    return Verification("not_yet", incident.step, f"all is written: {done.summary}", then="verify")


def _given_up(
    state: State, incident: Incident, proposal: Proposal, stop: Stop, observation: Looked, now: datetime
) -> Ruling:
    """The end of a step before its last write; of denials every answer is kept first, and that alone ends it: what the
    API server refused is not asked again, but its undo is.

    Where a person took it back, they are left alone: the target is paused, and anybody may lift that.
    """
    decision = replace(weigh(proposal, observation.snapshot), then="")
    denied = decision.result == "deny" and not is_said(decision, incident.said)
    answers = (about(state, incident, decision, now),) if denied else ()
    verification = Verification("failed", incident.step, stop.why)
    if stop.then == "rest":
        rests = about(state, incident, replace(verification, then="rest"), now)
        return Ruling((*answers, rests, *((hands_off(incident, stop.why, now),) if stop.by_hand else ())))
    ruling = fail(state, incident, verification, observation, now, stop.then)
    return replace(ruling, events=(*answers, *ruling.events))
