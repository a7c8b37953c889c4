"""What became of remediations, by rule and action, onto the state: what a breaker opens and closes by."""

from __future__ import annotations

from msgspec.structs import replace

from remediator.core.events import Event, IncidentClosed, Intent, Outcome, Pause, Verification
from remediator.core.guarding import MOST_FAILURES
from remediator.core.memory import Result
from remediator.core.model import CloseReason, Mode, OutcomeStatus, Phase
from remediator.core.state import Incident, State

MOST_RESULTS = 4 * MOST_FAILURES
"""Results kept for a rule and action: the latest, a beginning and an end for each of twice the failures."""


def results_key(rule: str, action: str) -> str:
    """Under which results are kept; neither a rule's nor an action's name ends where the other begins."""
    return f"{action}|{rule}"


def follow(before: State, after: State, event: Event) -> State:
    """The state with what an event says of a remediation; a rehearsal says nothing."""
    data = event.data
    if isinstance(data, Pause):
        return _acknowledged(after, event, data) if data.lifted and data.rule else after
    incident = before.incidents.get(event.incident)
    if incident is None:
        return after
    if isinstance(data, Intent):
        noted = event.mode is not Mode.OBSERVE and data.part <= 1
        return _noted(after, incident, data, event, "began") if noted else after
    what = "" if _goes_on(after, event) else _what(incident, data)
    if not what or incident.intent is None or not _is_under_way(after, incident, incident.intent):
        return after
    return _noted(after, incident, incident.intent, event, what)


def _goes_on(state: State, event: Event) -> bool:
    """Whether it was one write of several: the step is under way still."""
    incident = state.incidents.get(event.incident)
    return isinstance(event.data, Outcome) and incident is not None and incident.phase is Phase.WORKING


def _what(incident: Incident, data: object) -> str:
    """What an event makes of the remediation under way; empty where it goes on."""
    if isinstance(data, Outcome) and incident.undo is None:
        failed = data.status in (OutcomeStatus.FAILED, OutcomeStatus.REFUSED)
        kept = data.status in (OutcomeStatus.APPLIED, OutcomeStatus.ADOPTED)
        return "failed" if failed else "" if kept else "void"
    if isinstance(data, Verification) and data.result == "failed":
        return "failed" if data.then in ("next", "undo") else "void"
    if isinstance(data, IncidentClosed):
        return "helped" if data.reason is CloseReason.RECOVERED else "void"
    return ""


def _is_under_way(state: State, incident: Incident, intent: Intent) -> bool:
    """Whether the incident's last result is that it began: each remediation ends once."""
    kept = state.results.get(results_key(incident.definition.name, intent.action), ())
    for each in reversed(kept):
        if each.incident == incident.id:
            return each.what == "began"
    return False


def _noted(state: State, incident: Incident, intent: Intent, event: Event, what: str) -> State:
    key = results_key(incident.definition.name, intent.action)
    kept = (*state.results.get(key, ()), Result(event.time, incident.id, what))
    return replace(state, results=state.results.set(key, kept[-MOST_RESULTS:]))


def _acknowledged(state: State, event: Event, data: Pause) -> State:
    """An operator's word closes the breakers of all actions of a rule."""
    results = state.results
    for key, kept in state.results.items():
        if key.partition("|")[2] == data.rule:
            results = results.set(key, (*kept, Result(event.time, "", "acknowledged"))[-MOST_RESULTS:])
    return replace(state, results=results)
