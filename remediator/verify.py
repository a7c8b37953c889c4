"""Verify: a carried-out step and fresh evidence → healthy, not yet, failed or unknown. Pure.

Success is health that holds for `for`; a 200 from the API server is none, and neither is an alert that went quiet.
"""

from __future__ import annotations

from datetime import datetime, timedelta

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

    No data judges nothing: it neither proves nor fails. A hold that began before the deadline may be completed
    after it; a target that is not healthy at the deadline (inclusive) has failed.
    """
    until = incident.definition.until_of(incident.step)
    if facts.unknown:
        return Judgement("unknown", facts.unknown)
    if not facts.exists or facts.uid != incident.target.uid:
        return Judgement("failed", "the target is gone or was replaced while it was being verified")
    if facts.kept is False:
        return Judgement("reverted", "somebody else took the change back")
    if not facts.healthy:
        return _not_healthy(incident, until, facts, now)
    before = incident.verified
    since = before.since if before and before.result == "healthy" and before.since else now
    if now - since >= timedelta(seconds=until.for_):
        return Judgement("proven", f"{facts.health} for {until.for_:g} s", since)
    return Judgement("healthy", f"{facts.health}; must hold for {until.for_:g} s", since)


def deadline(incident: Incident, now: datetime) -> datetime:
    """The instant by which the incident's last step must have helped; time without evidence does not count."""
    assert incident.carried_at is not None, "only a step that was carried out is verified"
    until = incident.definition.until_of(incident.step)
    blind = incident.blind
    if incident.blind_since is not None:
        blind += max((now - incident.blind_since).total_seconds(), 0.0)
    return incident.carried_at + timedelta(seconds=until.within + blind)


def _not_healthy(incident: Incident, until: Until, facts: Facts, now: datetime) -> Judgement:
    if now >= deadline(incident, now):
        return Judgement("failed", f"not healthy within {until.within:g} s: {facts.health}")
    return Judgement("not_yet", facts.health)
