"""Conclude: a step in verification and fresh evidence → proven, not yet, undone, the next rung, or a person. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from remediator.actions import ACTIONS
from remediator.bookkeeping import about
from remediator.core.events import Event, IncidentClosed, Pause, Undo, Verification
from remediator.core.model import Change, CloseReason, as_json
from remediator.core.observations import Looked
from remediator.core.ruling import Ruling
from remediator.core.state import Incident, State
from remediator.guards.confirm import is_fresh
from remediator.propose import digest, next_id, propose_undo, undo_is_wanted
from remediator.verify import Judgement, deadline, judge

MOST_REVERTS = 2
"""A change that was taken back so often by somebody else is contended: it is not made again."""

HANDS_OFF = timedelta(hours=24)
"""For how long a target is left alone after a person took back by hand what was done to it."""

SOON = timedelta(milliseconds=250)
LOOK_AGAIN = timedelta(seconds=15)


def conclude(state: State, incident: Incident, observation: Looked, now: datetime) -> Ruling:
    """A step in verification whose target was just read: proven, not yet, or failed with what follows.

    What was read longer ago than `FRESH` says nothing of now, as where the journal could not be written for a while.
    """
    facts = observation.snapshot.facts
    if not is_fresh(facts, now):
        return Ruling(again_at=now)
    judgement = judge(incident, observation.snapshot.facts, now)
    verification = Verification(judgement.result, incident.step, judgement.detail, judgement.since)
    if judgement.result == "proven":
        closed = IncidentClosed(CloseReason.RECOVERED, judgement.detail, as_json(observation.snapshot.facts))
        return Ruling((about(state, incident, closed, now),))
    if judgement.result == "reverted" and _yields(incident):
        rests = replace(verification, result="failed", then="rest")
        return Ruling((about(state, incident, rests, now), hands_off(incident, judgement.detail, now)))
    if judgement.result == "reverted":
        then = "again" if incident.reverts + 1 < MOST_REVERTS else "person"
        taken_back = replace(verification, result="failed", then=then)
        return Ruling((about(state, incident, taken_back, now),), now + SOON)
    if judgement.result == "failed":
        return fail(state, incident, verification, observation, now)
    before = incident.verified
    if before is not None and before.result == judgement.result:
        return Ruling(again_at=_next_look(incident, judgement, now))
    return Ruling((about(state, incident, verification, now),), _next_look(incident, judgement, now))


def _yields(incident: Incident) -> bool:
    return incident.intent is not None and ACTIONS[incident.intent.action].yields


def hands_off(incident: Incident, why: str, now: datetime) -> Event:
    """Somebody took back by hand what was done: the target is left alone, over all rules, and anybody may lift that."""
    return Event(now, Pause(next_id(incident), target=incident.target.key, reason=why, until=now + HANDS_OFF))


def fail(
    state: State, incident: Incident, verification: Verification, observation: Looked, now: datetime, then: str = "next"
) -> Ruling:
    """The step did not help: undo it where the rule says so and it can be, else go on to the next rung (`then`)."""
    verification = replace(verification, then=then)
    if not undo_is_wanted(incident, observation.snapshot):
        return _onward(state, incident, verification, now)
    planned = propose_undo(state, incident, observation.snapshot)
    if not isinstance(planned, Change):
        why = f"not undone: {planned.reason}" if planned else "there is nothing to undo"
        if planned and planned.contended:
            verification = replace(verification, then="person")
        return _onward(state, incident, verification, now, why)
    rehearsal = observation.rehearsal
    if rehearsal is None or rehearsal.change_digest != digest(planned) or rehearsal.status == "conflict":
        return Ruling(again_at=now + SOON)
    if rehearsal.status == "unknown":
        return Ruling(again_at=now + LOOK_AGAIN)
    if rehearsal.status == "refused":
        return _onward(state, incident, verification, now, f"not undone: the API server refuses: {rehearsal.detail}")
    failed = about(state, incident, replace(verification, then="undo"), now)
    return Ruling((failed, about(state, incident, _undo(state, incident, planned, rehearsal.diff), now)))


def _onward(state: State, incident: Incident, verification: Verification, now: datetime, why: str = "") -> Ruling:
    """The verification as failed and where that leads; `why` says what became of the undo."""
    detail = f"{verification.detail}; {why}" if why else verification.detail
    return Ruling((about(state, incident, replace(verification, detail=detail), now),))


def _undo(state: State, incident: Incident, planned: Change, diff: str) -> Undo:
    done = incident.intent
    assert done is not None, "only what was carried out is undone"
    return Undo(next_id(incident), done.id, done.action, incident.step, state.epoch, planned, diff)


def _next_look(incident: Incident, judgement: Judgement, now: datetime) -> datetime:
    """When verification looks again: often at first, and at the very end of a hold or of the time allowed."""
    assert incident.carried_at is not None
    gone_by = (now - incident.carried_at).total_seconds()
    usual = now + timedelta(seconds=min(max(gone_by / 8, 1.0), 15.0))
    if judgement.since is not None:
        return min(usual, judgement.since + timedelta(seconds=incident.definition.until_of(incident.step).for_))
    return min(usual, max(deadline(incident, now), now + timedelta(seconds=1)))
