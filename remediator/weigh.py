"""Weigh: a proposal's verdicts → one result; and what is said of it in the journal, once. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from remediator.actions.action import several
from remediator.bookkeeping import about
from remediator.core.events import Decision, Event, Intent
from remediator.core.message import Occasion
from remediator.core.model import Change, Mode, Verb, Verdict, allow, as_json, deny, hold
from remediator.core.snapshot import Rehearsal, Snapshot
from remediator.core.state import Incident, State
from remediator.messages import message
from remediator.propose import Proposal, digest, next_id
from remediator.stopping import onward_from

LOOK_AGAIN = timedelta(seconds=15)


def rehearsed(change: Change, rehearsal: Rehearsal | None, now: datetime) -> Verdict | None:
    """The API server's own answer as a verdict; None where it was not asked about this very change."""
    if rehearsal is None or rehearsal.change_digest != digest(change) or rehearsal.status == "conflict":
        return None
    if rehearsal.status == "accepted":
        return allow("rehearsal", rehearsal.detail or "the API server accepts it in a dry run")
    if rehearsal.status == "refused":
        return deny("rehearsal", f"the API server refuses it: {rehearsal.detail}")
    if rehearsal.status == "throttled":
        return hold("rehearsal", f"the API server does not let it happen now: {rehearsal.detail}", now + LOOK_AGAIN)
    return hold("rehearsal", f"the API server could not be asked: {rehearsal.detail}", now + LOOK_AGAIN)


def weigh(proposal: Proposal, snapshot: Snapshot) -> Decision:
    """All verdicts into one result: a denial outweighs a hold, a hold outweighs every allow."""
    denied = [verdict.guard for verdict in proposal.verdicts if verdict.verdict == "deny"]
    held = [verdict.retry_at for verdict in proposal.verdicts if verdict.verdict == "hold" and verdict.retry_at]
    decision = Decision(
        "observe" if proposal.request.mode is Mode.OBSERVE else "act",
        proposal.verdicts,
        proposal.request.incident.step,
        proposal.request.action.name,
        as_json(snapshot.facts),
    )
    if denied:
        return replace(decision, result="deny", then=onward_from(denied))
    if held:
        return replace(decision, result="hold", retry_at=max(held))
    return decision


def is_said(decision: Decision, said: Decision | None) -> bool:
    """Whether the journal says this already: the same result, step and answers; reasons and times may differ."""
    return said is not None and _gist(decision) == _gist(said)


def _gist(decision: Decision) -> tuple[Any, ...]:
    answers = tuple((verdict.guard, verdict.verdict) for verdict in decision.verdicts)
    return decision.result, decision.step, decision.then, decision.plan, answers


def intend(state: State, incident: Incident, proposal: Proposal, rehearsal: Rehearsal, now: datetime) -> Event:
    """The planned write as an intent; of a step of several the next one, under the step's one deadline."""
    change, request = proposal.change, proposal.request
    assert change is not None, "only a planned change is acted on"
    intent = Intent(
        next_id(incident),
        request.action.name,
        incident.step,
        state.epoch,
        replace(change, prior={}),
        rehearsal.diff,
        change.prior,
    )
    if change.verb is Verb.CALL:
        event = about(state, incident, intent, now)
        return replace(event, data=replace(intent, message=message(state, incident, Occasion.CALLED, event)))
    is_part = several(request.action, request.step.args)
    return about(state, incident, _as_part(intent, incident, proposal, now) if is_part else intent, now)


def _as_part(intent: Intent, incident: Incident, proposal: Proposal, now: datetime) -> Intent:
    progress, action = incident.progress, proposal.request.action
    assert action.lasts is not None, "a step of several writes says how long it may last"
    if progress:
        intent = replace(intent, part=len(progress.done) + 1, until=progress.until, due=progress.due)
    else:
        args = proposal.request.step.args
        lent = action.lends(args) if action.lends else 0.0
        due = now + timedelta(seconds=lent) if lent else None
        intent = replace(intent, part=1, until=now + timedelta(seconds=action.lasts(args)), due=due)
    return replace(intent, left=max(len(proposal.outlook) - 1, 0))
