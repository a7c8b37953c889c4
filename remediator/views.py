"""Open incidents as the API and the command line show them: a flat value per incident, fit for JSON. Pure."""

from __future__ import annotations

from datetime import datetime

from msgspec import structs

from remediator.core.diagnosis import Diagnosis
from remediator.core.message import Deed
from remediator.core.model import Json, Phase, Value
from remediator.core.post import Thread
from remediator.core.state import Incident, State


class IncidentView(Value, frozen=True):
    """One open incident: whose, since when, where it stands, and why it waits or rests.

    `plan` is what waits for approval, by those who have not approved it yet; `retry_at` is then when it expires.
    `progress` is how far a step of several writes has come.
    """

    id: str
    rule: str
    kind: str
    namespace: str
    name: str
    phase: str
    opened_at: datetime
    firing: int
    step: str
    reason: str
    retry_at: datetime | None = None
    plan: str = ""
    approvals: tuple[str, ...] = ()
    progress: str = ""


class PauseView(Value, frozen=True):
    """One pause that stands: what it concerns (all that it names; everything where it names nothing), whose, why."""

    id: str
    rule: str
    namespace: str
    target: str
    reason: str
    until: datetime | None
    by: str
    since: datetime


class ThreadView(Value, frozen=True):
    """What became of the messages to one endpoint of a receiver: delivered, given up (`lost`), still on their way, and
    why the last attempt failed.
    """

    receiver: str
    endpoint: str
    delivered: int
    waiting: int
    lost: int
    problem: str = ""


class IncidentStory(IncidentView, frozen=True):
    """One open incident in full: what happened, what was done, what was refused and why, who was told, how the target
    stood before the last of it.
    """

    alert: str = ""
    done: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    told: tuple[ThreadView, ...] = ()
    diagnosis: Diagnosis | None = None


def incident_story(state: State, incident: Incident) -> IncidentStory:
    """An open incident in full."""
    flat = incident_view(incident)
    threads = state.post[incident.id].threads if incident.id in state.post else ()
    return IncidentStory(
        **structs.asdict(flat),
        alert=incident.labels.get("alertname", ""),
        done=tuple(_said(deed) for deed in incident.deeds if not deed.refused),
        refused=tuple(_said(deed) for deed in incident.deeds if deed.refused),
        told=tuple(thread_view(thread) for thread in threads),
        diagnosis=incident.diagnosis,
    )


def _said(deed: Deed) -> str:
    return f"{deed.at:%Y-%m-%d %H:%M:%SZ} {deed.text}"


def thread_view(thread: Thread) -> ThreadView:
    """What became of the messages to one endpoint."""
    return ThreadView(thread.receiver, thread.endpoint, thread.told, len(thread.waiting), thread.lost, thread.problem)


def pause_views(state: State, now: datetime) -> tuple[PauseView, ...]:
    """The pauses that stand, the oldest first."""
    standing = sorted(state.pauses.values(), key=lambda each: (each.since, each.pause.id))
    return tuple(
        PauseView(p.id, p.rule, p.namespace, p.target, p.reason, p.until, each.by, each.since)
        for each in standing
        if (p := each.pause).until is None or p.until > now
    )


def waiting(state: State) -> dict[tuple[str, str], int]:
    """Messages on their way by receiver and endpoint; also of incidents that ended."""
    found: dict[tuple[str, str], int] = {}
    for held in state.post.values():
        for thread in held.threads:
            key = thread.receiver, thread.endpoint
            found[key] = found.get(key, 0) + len(thread.waiting)
    return found


def incident_view(incident: Incident) -> IncidentView:
    """An open incident as it is shown."""
    said = incident.said
    return IncidentView(
        incident.id,
        incident.definition.name,
        incident.target.kind,
        incident.target.namespace,
        incident.target.name,
        _phase(incident),
        incident.opened_at,
        sum(not seen.resolved for seen in incident.signals),
        incident.definition.do[incident.step].action,
        _reason(incident),
        said.retry_at if said else None,
        incident.plan if incident.phase is Phase.AWAITING else "",
        incident.approvals,
        _progress(incident),
    )


def incident_views(state: State) -> list[IncidentView]:
    """All open incidents, oldest first."""
    views = [incident_view(incident) for incident in state.incidents.values()]
    return sorted(views, key=lambda view: (view.opened_at, view.id))


def counts(state: State) -> dict[tuple[str, str], int]:
    """Open incidents by rule and phase."""
    found: dict[tuple[str, str], int] = {}
    for incident in state.incidents.values():
        key = incident.definition.name, _phase(incident)
        found[key] = found.get(key, 0) + 1
    return found


def status_view(state: State, seq: int) -> Json:
    """The controller at a glance."""
    phases = [_phase(incident) for incident in state.incidents.values()]
    return {
        "mode": state.policy.mode,
        "epoch": state.epoch,
        "journal_head": seq,
        "rules": len(state.rules),
        "incidents": {phase: phases.count(phase) for phase in sorted(set(phases))},
        "messages_waiting": sum(waiting(state).values()),
    }


def _phase(incident: Incident) -> str:
    """The phase in an operator's words: a decision that was put off shows as held."""
    if incident.phase is Phase.PENDING and incident.said is not None and incident.said.result == "hold":
        return "held"
    return str(incident.phase)


def _progress(incident: Incident) -> str:
    progress, intent = incident.progress, incident.intent
    if progress is None or intent is None:
        return ""
    done = len(progress.done)
    if progress.ended:
        return f"all {done} written"
    to_go = max(intent.left + intent.part - done, 0)
    return f"{done} written, {to_go} to go, by {progress.until:%H:%M:%SZ} at the latest"


def _reason(incident: Incident) -> str:
    """Why it waits or rests, and that nobody could be told of it yet."""
    reason, escalation = incident.detail or _held(incident), incident.escalation
    if escalation is None or not escalation.problem:
        return reason
    return f"{reason}; {escalation.receiver} is not told yet: {escalation.problem}".removeprefix("; ")


def _held(incident: Incident) -> str:
    if incident.said is None:
        return ""
    return "; ".join(verdict.reason for verdict in incident.said.verdicts if not verdict.allows)
