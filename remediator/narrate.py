"""A journal record as one line for people: what was seen, decided, refused, done. Pure.

`Line.tone` says how it is to be shown: seen, good, bad, refused, told or quiet. Text of alerts stays text: control
characters are made visible.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from remediator.core.diagnosis import Diagnosis
from remediator.core.events import (
    Approval,
    Checkpoint,
    Decision,
    Dropped,
    Escalated,
    Event,
    IncidentClosed,
    IncidentOpened,
    Intent,
    Leader,
    Notice,
    Outcome,
    Pause,
    RulesChanged,
    Signal,
    Source,
    Undo,
    Verification,
)
from remediator.core.findings import findings
from remediator.core.model import CloseReason, OutcomeStatus, Value
from remediator.core.text import printable


class Line(Value, frozen=True):
    """What to show: a short word for the kind of step, the sentence, further lines below it, and the tone."""

    word: str
    text: str
    below: tuple[str, ...] = ()
    tone: str = "seen"


def narrate(event: Event) -> Line:
    """The line of one event."""
    line = _LINES[type(event.data)](event, event.data)
    return Line(line.word, printable(line.text), tuple(printable(each) for each in line.below), line.tone)


def _signal(event: Event, data: Signal) -> Line:
    name = data.labels.get("alertname") or _of_rule(event, data) or "alert"
    if data.status == "firing":
        return Line("signal", f"{name} fires")
    if data.status == "resolved":
        return Line("signal", f"{name} resolved")
    return Line("signal", f"{data.status}: {name}: {data.reason}", tone="quiet")


def _of_rule(event: Event, data: Signal) -> str:
    """What fires where the signal is no alert and so has no name of its own."""
    if data.source == "kubernetes":
        return f"the object of {event.rule}: {data.labels.get('kind', '')} {data.labels.get('name', '')}"
    return f"the query of {event.rule}" if data.source == "prometheus" else ""


def _opened(event: Event, data: IncidentOpened) -> Line:
    return Line("incident", f"opened by rule {event.rule}")


def _decision(event: Event, data: Decision) -> Line:
    counts = "deny" if data.result == "deny" else "hold"
    against = tuple(f"{v.guard}: {v.reason}" for v in data.verdicts if v.verdict == counts)
    action = data.action or f"step {data.step + 1}"
    if data.result == "hold":
        return Line("hold", f"{action} waits until {data.retry_at:%H:%M:%SZ}", against, "quiet")
    if data.result == "deny":
        return Line("refused", f"{action} may not be done", against, "refused")
    if data.result == "await_approval":
        text = f"{action}: plan {data.plan} waits for approval until {data.retry_at:%H:%M:%SZ}"
        return Line("approval", text, data.outlook, "told")
    asked = f"{len(data.verdicts)} guards asked, all allow" if data.verdicts else "no guard applies"
    return Line(
        "decision", f"{action}: {asked}" + (" (observe only)" if data.result == "observe" else ""), data.outlook
    )


def _intent(event: Event, data: Intent | Undo) -> Line:
    below = tuple(data.diff.splitlines())
    if isinstance(data, Undo):
        return Line("undo", data.change.summary, below)
    place = f" ({data.part} of {data.part + data.left})" if data.part else ""
    return Line("intent", f"{data.change.summary}{place}", below)


def _outcome(event: Event, data: Outcome) -> Line:
    said = {
        OutcomeStatus.APPLIED: "written",
        OutcomeStatus.ADOPTED: "found written already, adopted",
        OutcomeStatus.REHEARSED: "rehearsed at the API server, nothing written",
        OutcomeStatus.NEVER_DONE: "not written, and fenced off",
    }
    bad = data.status in (OutcomeStatus.FAILED, OutcomeStatus.REFUSED)
    text = said.get(data.status) or f"{data.status.replace('_', ' ')}: {data.detail}"
    if data.status is OutcomeStatus.ADOPTED and data.detail:
        text = f"found done already, adopted: {data.detail}"
    return Line("outcome", text, tone="bad" if bad else "seen")


def _verification(event: Event, data: Verification) -> Line:
    tone = {"failed": "bad", "healthy": "good"}.get(data.result, "quiet")
    return Line("verify", f"{data.result.replace('_', ' ')}: {data.detail}", tone=tone)


def _approval(event: Event, data: Approval) -> Line:
    if data.answer == "refused":
        return Line("approval", f"does not count, by {event.actor}: {data.reason}", tone="refused")
    said = {"approve": "approved", "deny": "denied", "expired": "expired"}[data.answer]
    return Line("approval", f"{said} by {event.actor}: plan {data.plan}: {data.reason}", tone="told")


def _escalated(event: Event, data: Escalated) -> Line:
    return Line("escalated", f"{data.receiver}: {data.status}: {data.reason}", tone="told")


def _notice(event: Event, data: Notice) -> Line:
    where = "/".join(filter(None, (data.receiver, data.endpoint)))
    if data.message is not None:
        return Line("notice", f"{where}: {data.status}: {data.message.title}", tone="told")
    bad = data.status != "delivered"
    return Line("notice", f"{where}: {data.status}{': ' if bad else ''}{data.problem}", tone="bad" if bad else "quiet")


def _diagnosis(event: Event, data: Diagnosis) -> Line:
    return Line("diagnosis", "how the target stands", tuple(findings(data)), "quiet")


def _closed(event: Event, data: IncidentClosed) -> Line:
    good = data.reason in (CloseReason.RECOVERED, CloseReason.RESOLVED)
    return Line("closed", f"{data.reason}: {data.detail}", tone="good" if good else "bad")


def _rules(event: Event, data: RulesChanged) -> Line:
    if data.error:
        return Line("rules", f"rejected, the last good ones stay: {data.error}", tone="bad")
    return Line("rules", f"{len(data.changed)} new or changed, {len(data.removed)} removed", tone="quiet")


def _pause(event: Event, data: Pause) -> Line:
    what = ", ".join(filter(None, (data.rule, data.namespace, data.target))) or "everything"
    if data.lifted:
        return Line("resumed", f"{what} by {event.actor}: {data.reason}", tone="good")
    until = f" until {data.until:%Y-%m-%d %H:%M:%SZ}" if data.until else ""
    return Line("paused", f"{what}{until} by {event.actor}: {data.reason}", tone="refused")


def _leader(event: Event, data: Leader) -> Line:
    return Line("leader", f"{data.identity} takes office, epoch {data.epoch}", tone="quiet")


def _source(event: Event, data: Source) -> Line:
    what = f"{data.source} for the query of {event.rule}" if event.rule else data.source
    return Line("source", f"{what} is {'up' if data.up else 'down'} {data.reason}", tone="quiet")


def _checkpoint(event: Event, data: Checkpoint) -> Line:
    end = "the last one" if data.first else "more follow"
    return Line("checkpoint", f"part {data.part} of the state, {end}", tone="quiet")


def _dropped(event: Event, data: Dropped) -> Line:
    where = f"archived in {data.archive}" if data.archive else "not archived"
    return Line("dropped", f"records up to {data.until}: older than is kept, {where}", tone="quiet")


_LINES: dict[type, Callable[[Event, Any], Line]] = {
    Signal: _signal,
    IncidentOpened: _opened,
    Decision: _decision,
    Intent: _intent,
    Undo: _intent,
    Outcome: _outcome,
    Verification: _verification,
    Approval: _approval,
    Escalated: _escalated,
    Notice: _notice,
    Diagnosis: _diagnosis,
    IncidentClosed: _closed,
    RulesChanged: _rules,
    Leader: _leader,
    Pause: _pause,
    Source: _source,
    Checkpoint: _checkpoint,
    Dropped: _dropped,
}
