"""Verify: a carried-out step and fresh evidence → healthy, not yet, failed or unknown. Pure.

Success is health that holds for `for`; a 200 from the API server is none, and neither is an alert that went quiet, but
for one that the rule asks for and the action could not have silenced (`core/masks.py`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.actions import ACTIONS
from remediator.core.model import Value
from remediator.core.rules import Until
from remediator.core.snapshot import Facts
from remediator.core.state import Incident


class Judgement(Value, frozen=True):
    """What the evidence shows now: `result`, in words, and since when the target is healthy."""

    result: str
    detail: str
    since: datetime | None = None


def judge(incident: Incident, facts: Facts, now: datetime) -> Judgement:
    """Judge an incident's last step. `reverted` where its change was taken back; `proven` where health has held for
    `for`, inclusive.

    No data judges nothing, and neither does what was seen before the write, or before its controller acted on it:
    it neither proves nor fails. A hold that began before the deadline may be completed after it; a target that is
    not healthy at the deadline (inclusive) has failed.
    """
    until = incident.definition.until_of(incident.step)
    if facts.unknown:
        return Judgement("unknown", facts.unknown)
    action = ACTIONS[incident.intent.action] if incident.intent else None
    gone = not facts.exists or facts.uid != incident.target.uid
    if action is not None and action.removes:
        return (
            _held(incident, until, "gone, as intended", now)
            if gone
            else _not_healthy(incident, until, "still there", now)
        )
    if not facts.exists or (gone and not (action and action.outlives)):
        return Judgement("failed", "the target is gone or was replaced while it was being verified")
    if why := _before_the_write(incident, facts):
        return Judgement("unknown", why)
    if facts.kept is False:
        return Judgement("reverted", "somebody else took the change back")
    if unknown := next((each for each in facts.proofs if each.holds is None), None):
        return Judgement("unknown", f"{unknown.condition}: {unknown.reason}")
    if facts.observed is not None and facts.observed < incident.generation:
        seen = f"its controller has acted on generation {facts.observed}, the write made {incident.generation}"
        return _not_healthy(incident, until, seen, now)
    if until.ready and not facts.healthy:
        return _not_healthy(incident, until, facts.health, now)
    if why := _unproven(incident, until, facts):
        return _not_healthy(incident, until, why, now)
    health = (facts.health,) if until.ready else ()
    shown = "; ".join((*health, *(f"{each.condition} holds" for each in facts.proofs)))
    return _held(incident, until, shown, now)


def _unproven(incident: Incident, until: Until, facts: Facts) -> str:
    """Which of the proofs beside readiness does not hold; empty where all do."""
    if until.resolved and incident.cleared_at is None:
        return "the alert still fires"
    failing = next((each for each in facts.proofs if not each.holds), None)
    if failing is None:
        return ""
    return f"does not hold: {failing.condition}" + (f": {failing.reason}" if failing.reason else "")


def _held(incident: Incident, until: Until, what: str, now: datetime) -> Judgement:
    """What is as it should be must be so for `for`, inclusive. An alert that came back broke the hold."""
    before = incident.verified
    since = before.since if before and before.result == "healthy" and before.since else now
    if until.resolved and incident.cleared_at is not None:
        since = max(since, incident.cleared_at)
    if now - since >= timedelta(seconds=until.for_):
        return Judgement("proven", f"{what} for {until.for_:g} s", since)
    return Judgement("healthy", f"{what}; must hold for {until.for_:g} s", since)


def _before_the_write(incident: Incident, facts: Facts) -> str:
    """Why a look is no evidence about the write: it is older, or shows the object as it was before."""
    if incident.carried_at is not None and facts.taken_at < incident.carried_at:
        return "the look is older than the write"
    if facts.generation < incident.generation:
        return f"generation {facts.generation} was read, the write made {incident.generation}"
    return ""


def deadline(incident: Incident, now: datetime) -> datetime:
    """The instant by which the incident's last step must have helped; time without evidence does not count."""
    assert incident.carried_at is not None, "only a step that was carried out is verified"
    until = incident.definition.until_of(incident.step)
    blind = incident.blind
    if incident.blind_since is not None:
        blind += max((now - incident.blind_since).total_seconds(), 0.0)
    return incident.carried_at + timedelta(seconds=until.within + blind)


def _not_healthy(incident: Incident, until: Until, why: str, now: datetime) -> Judgement:
    if now >= deadline(incident, now):
        return Judgement("failed", f"not healthy within {until.within:g} s: {why}")
    return Judgement("not_yet", why)
