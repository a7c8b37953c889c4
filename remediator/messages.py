"""What a person is told: a message from an incident and the event that is the occasion. Pure.

Whatever alerts, objects and servers said is scrubbed and made printable on its way into a message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from remediator.core.events import Event
from remediator.core.findings import findings
from remediator.core.message import Message, Occasion
from remediator.core.model import CloseReason, OutcomeStatus
from remediator.core.scrub import scrub
from remediator.core.state import Incident, State
from remediator.core.template import Rendered, render
from remediator.core.text import cut, printable

TITLE, LINE, MOST_LINES, MOST_LABELS = 160, 400, 8, 40
"""Characters of a title and of a line; lines of a part; labels and annotations of a message."""

_NEXT = {
    CloseReason.REFUSED: "Nothing was changed: decide what to do, and do it by hand",
    CloseReason.FAILED: "What was tried did not help: take over by hand",
    CloseReason.CONTENDED: "Find out who takes the change back, and make it there",
    CloseReason.INEFFECTIVE: "It comes back after every cure: look for the cause",
    CloseReason.EXPIRED: "Nobody approved the plan in time: decide, and do it by hand",
}
"""What a person can do, by why they are asked."""


def message(state: State, incident: Incident, occasion: Occasion, event: Event) -> Message:
    """What is told about an incident as it is after an event (before it, for its end)."""
    rule, news = incident.definition, _line(_NEWS[occasion](incident, event.data))
    rendered = _annotations(state, incident)
    labels = {**state.policy.external_labels, **incident.labels, **rule.labels}
    annotations = {name: _line(found.text, 2 * LINE) for name, found in rendered.items()}
    return Message(
        occasion,
        _line(f"{incident.target}: {news}", TITLE),
        incident.id,
        rule.name,
        incident.target,
        incident.opened_at,
        event.time,
        news,
        happened=_lines(_happened(incident, annotations)),
        did=_lines(f"{deed.at:%H:%M:%SZ} {deed.text}" for deed in incident.deeds if not deed.refused),
        refused=_lines(f"{deed.at:%H:%M:%SZ} {deed.text}" for deed in incident.deeds if deed.refused),
        next_step=_line(_next_step(incident, occasion)),
        cause=incident.cause or "",
        reason=_line(incident.detail),
        plan=incident.plan if occasion is Occasion.APPROVAL else "",
        severity=_line(labels.get("severity", ""), 40),
        runbook_url=annotations.get("runbook_url", ""),
        link=_link(state, incident),
        labels={_line(name, 100): _line(value) for name, value in list(labels.items())[:MOST_LABELS]},
        annotations=annotations,
        problems=_lines(f"annotation {name}: {why}" for name, found in rendered.items() for why in found.problems),
        diagnosis=incident.diagnosis if occasion in (Occasion.ESCALATED, Occasion.APPROVAL) else None,
    )


def _annotations(state: State, incident: Incident) -> dict[str, Rendered]:
    """The alert's annotations as they are, the rule's with their names filled in."""
    names: dict[str, dict[str, str] | str] = {
        "target": {"kind": incident.target.kind, "namespace": incident.target.namespace, "name": incident.target.name},
        "incident": {"id": incident.id},
        "rule": {"name": incident.definition.name, "group": incident.definition.group},
        "labels": {**incident.labels, **incident.definition.labels},
        "annotations": incident.annotations,
        "external_labels": state.policy.external_labels,
        "action": incident.definition.do[incident.step].action,
        "reason": incident.detail,
        "mode": str(state.mode_of(incident.definition, incident.step)),
    }
    if incident.value is not None:
        names["value"] = f"{incident.value:g}"
    said = {name: Rendered(text) for name, text in list(incident.annotations.items())[:MOST_LABELS]}
    written = list(incident.definition.annotations.items())[:MOST_LABELS]
    return said | {name: render(text, names) for name, text in written}


def _happened(incident: Incident, annotations: dict[str, str]) -> Iterable[str]:
    name = incident.labels.get("alertname") or f"the query of {incident.definition.name}"
    firing = sum(not seen.resolved for seen in incident.signals)
    count = f" ({firing} alerts)" if firing > 1 else ""
    yield f"{name} fires since {incident.since:%Y-%m-%d %H:%M:%SZ}{count}"
    yield from (annotations[key] for key in ("summary", "description") if annotations.get(key))
    health = incident.said.evidence.get("health") if incident.said else ""
    if health and health != "ready":
        yield f"{incident.target}: {health}"
    if incident.diagnosis is not None:
        yield from findings(incident.diagnosis)


def _next_step(incident: Incident, occasion: Occasion) -> str:
    if occasion is Occasion.APPROVAL:
        until = f" before {incident.expires_at:%H:%M:%SZ}" if incident.expires_at else ""
        return f"Approve or deny it{until}: remediator approve {incident.id} --plan {incident.plan}"
    if occasion is Occasion.ESCALATED:
        said = _NEXT.get(incident.cause or CloseReason.REFUSED, "Take over by hand")
        return f"{said}. All of it: remediator incidents show {incident.id}"
    if occasion is Occasion.GITOPS:
        return "Make the same change where its manifest is kept, or it will be put back"
    return ""


def _opened(incident: Incident, _: Any) -> str:
    return f"{incident.labels.get('alertname') or incident.definition.name} fires"


def _approval(incident: Incident, data: Any) -> str:
    return f"{data.action} waits for approval"


def _answered(incident: Incident, _: Any) -> str:
    return incident.deeds[-1].text if incident.deeds else "answered"


def _acted(incident: Incident, _: Any) -> str:
    return incident.deeds[-1].text if incident.deeds else "acted"


def _called(incident: Incident, data: Any) -> str:
    return data.change.summary


def _gitops(incident: Incident, data: Any) -> str:
    return next((each.reason for each in data.verdicts if each.guard == "gitops"), "kept by another tool")


def _failed(incident: Incident, data: Any) -> str:
    if getattr(data, "then", "") == "undo":
        return f"{incident.deeds[-1].text}; it is undone" if incident.deeds else "it did not help and is undone"
    return incident.deeds[-1].text if incident.deeds else incident.detail


def _refused(incident: Incident, data: Any) -> str:
    return f"nothing is done: {incident.detail}"


def _escalated(incident: Incident, data: Any) -> str:
    return f"needs a person: {data.reason}"


def _closed(incident: Incident, data: Any) -> str:
    good = {CloseReason.RECOVERED: "recovered", CloseReason.RESOLVED: "resolved by itself"}
    return f"{good.get(data.reason, f'over, {data.reason}')}: {data.detail}"


_NEWS: dict[Occasion, Callable[[Incident, Any], str]] = {
    Occasion.OPENED: _opened,
    Occasion.APPROVAL: _approval,
    Occasion.ANSWERED: _answered,
    Occasion.ACTED: _acted,
    Occasion.CALLED: _called,
    Occasion.GITOPS: _gitops,
    Occasion.FAILED: _failed,
    Occasion.REFUSED: _refused,
    Occasion.ESCALATED: _escalated,
    Occasion.CLOSED: _closed,
}


def occasion_of(event: Event) -> Occasion | None:
    """Why an event may be told to somebody; None for most."""
    find = _OCCASIONS.get(event.kind)
    return find(event.data) if find else None


def _of_decision(data: Any) -> Occasion | None:
    if data.result == "await_approval":
        return Occasion.APPROVAL
    if data.result == "deny" and data.then == "rest":
        return Occasion.REFUSED
    kept = any(each.guard == "gitops" and each.inputs.get("policy") == "notify" for each in data.verdicts)
    return Occasion.GITOPS if data.result == "act" and kept else None


def _of_outcome(data: Any) -> Occasion | None:
    if data.status in (OutcomeStatus.APPLIED, OutcomeStatus.ADOPTED):
        return Occasion.ACTED
    return Occasion.FAILED if data.status in (OutcomeStatus.FAILED, OutcomeStatus.REFUSED) else None


_OCCASIONS: dict[str, Callable[[Any], Occasion | None]] = {
    "incident_opened": lambda _: Occasion.OPENED,
    "decision": _of_decision,
    "approval": lambda data: Occasion.ANSWERED if data.enough or data.answer in ("deny", "expired") else None,
    "outcome": _of_outcome,
    "verification": lambda data: Occasion.FAILED if data.result == "failed" else None,
    "escalated": lambda data: Occasion.ESCALATED if data.status == "requested" else None,
    "incident_closed": lambda _: Occasion.CLOSED,
}


def _link(state: State, incident: Incident) -> str:
    base = state.policy.external_url.rstrip("/")
    return f"{base}/api/v1/incidents/{incident.id}" if base else ""


def _line(text: str, most: int = LINE) -> str:
    """Text on one line, without secrets and control characters, and not longer than there is room for."""
    return cut(printable(scrub(text[: 4 * most]).strip().replace("\n", " ")), most)


def _lines(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(_line(text) for text in texts)[-MOST_LINES:]
