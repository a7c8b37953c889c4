"""Hindsight: why something was done, or not: the decision of then, repeated from the journal, and what followed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from remediator.core.events import Decision, Event
from remediator.core.model import Json
from remediator.core.state import State
from remediator.journal.chain import record_of
from remediator.narrate import narrate
from remediator.ports import Journal
from remediator.recovery import restore
from remediator.repeat import Repeated, Supposed, repeat, suppose
from remediator.views import Explanation

PAGE = 200
MOST_PAGES = 50
"""Of decisions that are looked through for the last one of a rule."""
MOST_FOLLOWED = 40
"""Lines told of what came after it."""


async def explain(
    journal: Journal, state: State, name: str, at: datetime | None, supposed: Supposed | None = None
) -> Explanation | None:
    """The last decision about an incident, or by a rule, up to an instant (inclusive; None: until now); and what it
    would have been under `supposed` settings.

    None where nothing of this name is known. Raises `JournalError` where the journal cannot be read.
    """
    story = await journal.story(name)
    if not story and name not in state.rules:
        return None
    line = _last(story, at) if story else await _last_of_rule(journal, name, at)
    if line is None:
        return _undecided(state, name, story)
    story = story or await journal.story(line["incident"])
    before = await restore(journal, before=line["seq"])
    event = record_of(line).event
    assert isinstance(event.data, Decision), "a decision was looked for"
    then, said = (before.state, event.incident, event.data, event.time), event.data
    told = _told(line["seq"], event, said, repeat(*then), story)
    return replace(told, supposed=suppose(*then, supposed)) if supposed else told


def _last(story: Sequence[Json], at: datetime | None) -> Json | None:
    decided = (line for line in reversed(story) if line["kind"] == "decision")
    return next((line for line in decided if at is None or _time(line) <= at), None)


async def _last_of_rule(journal: Journal, rule: str, at: datetime | None) -> Json | None:
    """The last decision by a rule, of the last so many of all rules."""
    before: int | None = None
    for _ in range(MOST_PAGES):
        lines = await journal.latest("decision", before, PAGE)
        for line in lines:
            if line["rule"] == rule and (at is None or _time(line) <= at):
                return line
        if len(lines) < PAGE:
            return None
        before = lines[-1]["seq"]
    return None


def _told(seq: int, event: Event, said: Decision, again: Repeated, story: Sequence[Json]) -> Explanation:
    after = [record_of(line).event for line in story if line["seq"] > seq]
    return Explanation(
        incident=event.incident,
        rule=event.rule,
        target=str(event.target or ""),
        seq=seq,
        time=event.time,
        mode=str(event.mode or ""),
        result=said.result,
        action=said.action,
        retry_at=said.retry_at,
        then=said.then,
        plan=said.plan,
        verdicts=said.verdicts,
        repeated=bool(again.result) and not again.differs,
        asked_again=again.asked,
        differs=again.differs,
        why_not_repeated=again.why_not,
        followed=tuple(_line(each) for each in after[:MOST_FOLLOWED]),
    )


def _undecided(state: State, name: str, story: Sequence[Json]) -> Explanation:
    """Nothing was decided so far: what is known instead."""
    incident = state.incidents.get(name)
    rule = incident.definition.name if incident else story[-1]["rule"] if story else name
    if incident is not None:
        note = f"it is {incident.phase}, its evidence counts from {incident.fires_at:%Y-%m-%d %H:%M:%SZ} on"
    elif story:
        note = "it ended before anything was decided"
    else:
        note = f"no decision is in the journal; {sum(e.definition.name == name for e in state.incidents.values())} open"
    told = tuple(_line(record_of(line).event) for line in story[:MOST_FOLLOWED])
    return Explanation(incident=name if story else "", rule=rule, note=note, followed=told)


def _line(event: Event) -> str:
    line = narrate(event)
    return f"{event.time:%Y-%m-%d %H:%M:%SZ} {line.word}: {line.text}"


def _time(line: Json) -> datetime:
    return datetime.fromisoformat(line["time"])
