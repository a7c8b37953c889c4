"""Open incidents as the API and the command line show them: a flat value per incident, fit for JSON. Pure."""

from __future__ import annotations

from datetime import datetime

from remediator.core.model import Json, Phase, Value
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
        incident.detail or _held(incident),
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


def _held(incident: Incident) -> str:
    if incident.said is None:
        return ""
    return "; ".join(verdict.reason for verdict in incident.said.verdicts if not verdict.allows)
