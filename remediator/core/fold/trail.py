"""What was done and refused about an incident, in few words, onto the state: what a person is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from remediator.core.diagnosis import Diagnosis
from remediator.core.events import Approval, Decision, Event, Outcome, Verification
from remediator.core.message import Deed
from remediator.core.model import OutcomeStatus
from remediator.core.state import Incident, State
from remediator.core.text import cut

MOST_DEEDS = 12
"""Deeds remembered of an incident: the last ones."""

LONGEST = 400
"""Characters of one."""

_DONE = {
    OutcomeStatus.APPLIED: "{summary}",
    OutcomeStatus.ADOPTED: "{summary} (found written after an interruption)",
    OutcomeStatus.REHEARSED: "{summary}: in a dry run only, the mode is observe",
}
_NOT_DONE = (OutcomeStatus.REFUSED, OutcomeStatus.FAILED, OutcomeStatus.GONE)


def diagnosis(state: State, event: Event, data: Diagnosis) -> State:
    """How the target stands is kept with the incident: the last word counts."""
    incident = state.incidents.get(event.incident)
    if incident is None:
        return state
    return replace(state, incidents=state.incidents.set(incident.id, replace(incident, diagnosis=data)))


def follow(before: State, after: State, event: Event) -> State:
    """The state with what an event adds to its incident's deeds."""
    tell = _DEEDS.get(type(event.data))
    was, now = before.incidents.get(event.incident), after.incidents.get(event.incident)
    if tell is None or was is None or now is None:
        return after
    deed = tell(was, event, event.data)
    if deed is None or (now.deeds and now.deeds[-1].text == deed.text):
        return after
    kept = (*now.deeds, replace(deed, text=cut(deed.text, LONGEST)))[-MOST_DEEDS:]
    return replace(after, incidents=after.incidents.set(now.id, replace(now, deeds=kept)))


def _decision(was: Incident, event: Event, data: Decision) -> Deed | None:
    if data.result != "deny":
        return None
    why = "; ".join(f"{each.reason} ({each.guard})" for each in data.verdicts if each.verdict == "deny")
    return Deed(event.time, f"{data.action}: {why}", refused=True)


def _outcome(was: Incident, event: Event, data: Outcome) -> Deed | None:
    about = was.undo or was.intent
    if about is None or about.id != data.intent:
        return None
    if data.status in _NOT_DONE:
        return Deed(event.time, f"{about.change.summary}: {data.detail or data.status}", refused=True)
    if getattr(about, "part", 0) > 1:  # of many writes the first and the end are told
        return None
    said = _DONE.get(data.status)
    return Deed(event.time, said.format(summary=about.change.summary)) if said else None


def _verification(was: Incident, event: Event, data: Verification) -> Deed | None:
    if data.then == "verify":
        return Deed(event.time, data.detail)
    if data.result != "failed" or was.intent is None:
        return None
    return Deed(event.time, f"{was.intent.action} did not help: {data.detail}")


def _approval(was: Incident, event: Event, data: Approval) -> Deed | None:
    action = was.said.action if was.said else "the plan"
    if data.answer == "refused":
        return None
    if data.answer == "approve":
        return Deed(event.time, f"{event.actor} approved {action}")
    if data.answer == "deny":
        return Deed(event.time, f"{action}: {event.actor} denied it: {data.reason or 'no reason given'}", refused=True)
    return Deed(event.time, f"{action}: {data.reason}", refused=True)


_DEEDS: dict[type, Callable[[Incident, Event, Any], Deed | None]] = {
    Decision: _decision,
    Outcome: _outcome,
    Verification: _verification,
    Approval: _approval,
}
