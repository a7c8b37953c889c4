"""Incidents, rules and the service as the API and the command line show them: flat values, fit for JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from remediator.core.diagnosis import Diagnosis
from remediator.core.message import Deed
from remediator.core.model import Json, Mode, Phase, Value, Verdict
from remediator.core.post import Thread
from remediator.core.rules import When
from remediator.core.state import Incident, State
from remediator.guards.breaker import trace
from remediator.guards.guard import limits_of
from remediator.repeat import Supposition


class IncidentView(Value, frozen=True):
    """One incident: whose, since when, where it stands, and why it waits or rests; with `closed_at` how it ended.

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
    closed_at: datetime | None = None


class RuleView(Value, frozen=True):
    """One rule in force: `mode` is the one that counts, the lowest of all that is said; `open` are its incidents."""

    name: str
    group: str
    mode: Mode
    source: str
    when: str
    kind: str
    do: tuple[str, ...]
    open: int
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class StatusView(Value, frozen=True):
    """The service on one page. `leadership` is `in charge`, or why this replica stands by; `journal_head` the last
    sequence number that it knows.
    """

    version: str
    identity: str
    leadership: str
    rules_loaded_at: datetime
    rules_error: str
    mode: Mode
    epoch: int
    journal_head: int
    rules: int
    incidents: dict[str, int]
    messages_waiting: int
    pauses: int


class Explanation(Value, frozen=True):
    """Why something was done, or not: the decision as the journal has it, whether deciding again on what was known then
    gives the same (`repeated`, over `asked_again` guards), and what `followed`. Without `seq` nothing was decided so
    far, and `note` says how things stand. `supposed` is what would have been decided under other settings, where that
    was asked.
    """

    incident: str
    rule: str
    target: str = ""
    seq: int = 0
    time: datetime | None = None
    mode: str = ""
    result: str = ""
    action: str = ""
    retry_at: datetime | None = None
    then: str = ""
    plan: str = ""
    verdicts: tuple[Verdict, ...] = ()
    repeated: bool = False
    asked_again: int = 0
    differs: tuple[str, ...] = ()
    why_not_repeated: str = ""
    followed: tuple[str, ...] = ()
    note: str = ""
    supposed: Supposition | None = None


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
    """One incident in full: what happened, what was done, what was refused and why, who was told, how the target
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


def past_view(lines: Sequence[Json]) -> IncidentView:
    """A closed incident by what is left of its lines in the journal, of which the last is its end."""
    first, last = lines[0], lines[-1]
    target, data = last["target"] or {}, last["data"]
    return IncidentView(
        id=last["incident"],
        rule=last["rule"],
        kind=target.get("kind", ""),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        phase="closed",
        opened_at=datetime.fromisoformat(first["time"]),
        firing=0,
        step="",
        reason=": ".join(filter(None, (data["reason"], data["detail"]))),
        closed_at=datetime.fromisoformat(last["time"]),
    )


def rule_views(state: State) -> list[RuleView]:
    """The rules in force, by name."""
    opened = Counter(incident.definition.name for incident in state.incidents.values())
    return [
        RuleView(
            rule.name,
            rule.group,
            state.mode_of(rule),
            rule.when.source,
            _when(rule.when),
            rule.target.kind,
            tuple(step.action for step in rule.do),
            opened[rule.name],
            rule.labels,
            rule.annotations,
        )
        for _, rule in sorted(state.rules.items())
    ]


def _when(when: When) -> str:
    """The signal in the words of a rule file."""
    if when.object is not None:
        spec = when.object
        return " ".join(filter(None, (spec.kind, spec.namespace, spec.selector, spec.where)))
    return when.query or f"{{{', '.join(map(str, when.alert))}}}"


def mark_of(incident: IncidentView) -> str:
    """Where a page ends that ends with this incident: the place stays when incidents come and go."""
    return f"{incident.opened_at.isoformat()}_{incident.id}"


def after_mark(incidents: Sequence[IncidentView], mark: str) -> Sequence[IncidentView]:
    """Of incidents, newest first, those after a mark. Raises `ValueError` where it is none."""
    instant, _, id_ = mark.rpartition("_")
    place = datetime.fromisoformat(instant), id_
    if place[0].tzinfo is None:
        raise ValueError("the instant has no zone")
    return [each for each in incidents if (each.opened_at, each.id) < place]


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


def breakers(state: State) -> dict[tuple[str, str], bool]:
    """Whether each breaker is open, by rule and action: of rules that are there, where something was done."""
    found = {}
    for key, results in state.results.items():
        action, _, name = key.partition("|")
        if rule := state.rules.get(name):
            found[name, action] = trace(results, limits_of(state.policy, rule).breaker).opened is not None
    return found


def phases(state: State) -> dict[str, int]:
    """Open incidents by phase."""
    return dict(sorted(Counter(_phase(incident) for incident in state.incidents.values()).items()))


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
