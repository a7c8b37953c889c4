"""What came about in a trial, as expectations speak of it: from the journal, the API server's audit and the pager.

Each fact has its instant and its place on the timeline, which is that of a journal record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from remediator.core.events import Decision, Event, IncidentClosed, IncidentOpened, Intent, Outcome, Undo, Verification
from remediator.core.model import Json, Value
from remediator.simulation.audit import Entry
from remediator.trial.stage import ACCOUNT, Stage

UNTOLD = frozenset({"Event", "Lease"})
"""Kinds whose writes are the product's own affair."""


class Fact(Value, frozen=True):
    """One thing that came about: its fields by the names that expectations use, `at` so many seconds after the start,
    after the record `place`.
    """

    at: float
    place: int
    fields: Json


def facts_of(stage: Stage, now: float) -> dict[str, list[Fact]]:
    """Everything up to now (seconds), by the key of `expect` under which it is expected, in order."""
    return {
        "decisions": list(_decisions(stage)),
        "writes": list(_writes(stage)),
        "outcomes": list(_outcomes(stage)),
        "verifications": list(_verifications(stage)),
        "messages": list(_messages(stage)),
        "incidents": list(_incidents(stage, now)),
    }


def _events(stage: Stage, kind: type) -> Iterator[tuple[int, Event, Any]]:
    """Records with data of a kind, with their places."""
    for place, record in enumerate(stage.records):
        if isinstance(record.event.data, kind):
            yield place, record.event, record.event.data


def _fact(stage: Stage, place: int, event: Event, **fields: Any) -> Fact:
    return Fact(stage.seconds(event.time), place, {"rule": event.rule, "target": str(event.target or ""), **fields})


def _decisions(stage: Stage) -> Iterator[Fact]:
    for place, event, data in _events(stage, Decision):
        verdicts = {each.guard: {"verdict": each.verdict, "reason": each.reason} for each in data.verdicts}
        yield _fact(stage, place, event, result=data.result, action=data.action, verdicts=verdicts)


def _outcomes(stage: Stage) -> Iterator[Fact]:
    intents = {data.id: data for _, _, data in _intents(stage)}
    for place, event, data in _events(stage, Outcome):
        of = intents[data.intent]
        more = {"action": of.action, "status": str(data.status), "undo": isinstance(of, Undo)}
        yield _fact(stage, place, event, **more)


def _verifications(stage: Stage) -> Iterator[Fact]:
    for place, event, data in _events(stage, Verification):
        yield _fact(stage, place, event, result=data.result, then=data.then)


def _intents(stage: Stage) -> list[tuple[int, Event, Intent | Undo]]:
    return list(_events(stage, Intent | Undo))  # type: ignore[arg-type]


def _writes(stage: Stage) -> Iterator[Fact]:
    """What the API server carried out, each with the action of the intent that it follows from."""
    intents = _intents(stage)
    for entry in stage.world.audit.writes(ACCOUNT):
        if entry.request.kind in UNTOLD:
            continue
        place, action = _cause(entry, intents)
        request = entry.request
        name = "/".join(filter(None, (request.kind, request.namespace, request.name)))
        fields = {"verb": request.verb, "object": name, "action": action, "with": request.body}
        yield Fact(stage.seconds(entry.at), place, fields)


def _cause(entry: Entry, intents: Sequence[tuple[int, Event, Intent | Undo]]) -> tuple[int, str]:
    """The place and action of the latest intent of this very change, begun by then."""
    request, found = entry.request, (0, "")
    for place, event, data in intents:
        ref = data.change.ref
        same = (ref.resource.kind, ref.namespace, ref.name) == (request.kind, request.namespace, request.name)
        if event.time <= entry.at:
            found = (place, data.action) if same and data.change.verb == request.verb else found
    return found


def _messages(stage: Stage) -> Iterator[Fact]:
    for delivery in stage.pager.taken:
        message = delivery.message
        place = sum(1 for record in stage.records if record.event.time <= message.told_at) - 1
        fields = {
            "receiver": delivery.receiver,
            "rule": message.rule,
            "target": str(message.target),
            "occasion": str(message.occasion),
            "title": message.title,
        }
        yield Fact(stage.seconds(message.told_at), place, fields)


def _incidents(stage: Stage, now: float) -> Iterator[Fact]:
    """Every incident as it stands now, in the order in which they were opened."""
    closed = {event.incident: data for _, event, data in _events(stage, IncidentClosed)}
    last = len(stage.records)
    for _, event, _ in _events(stage, IncidentOpened):
        end, live = closed.get(event.incident), stage.controller.state.incidents.get(event.incident)
        fields = {"rule": event.rule, "target": str(event.target or "")}
        if end is not None:
            fields |= {"phase": "closed", "reason": str(end.reason), "detail": end.detail}
        elif live is not None:
            fields |= {"phase": str(live.phase), "detail": live.detail}
        yield Fact(now, last, fields)
