"""Sources onto the state: for which rules nothing is known at present. That time counts neither for nor against."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from remediator.core.events import Event, Leader, Source
from remediator.core.fold.place import keep, without
from remediator.core.rules import Rule
from remediator.core.state import Incident, State, dark_key


def source(state: State, event: Event, data: Source) -> State:
    """A source, or the query of one rule, became dark or has answered again."""
    key = dark_key(data.source, event.rule)
    if not data.up:
        return replace(state, dark=state.dark.set(key, state.dark.get(key, event.time)))
    since = state.dark.get(key)
    if since is None:
        return state
    state = replace(state, dark=without(state.dark, key))
    for incident in state.incidents.values():
        if event.rule and incident.definition.name == event.rule:
            state = keep(state, _later(incident, since, event.time))
    return state


def leader(state: State, event: Event, data: Leader) -> State:
    """A new term of office: what sources answered under the one before is not known to hold any more."""
    asking = {(rule.when.source, rule.name) for rule in _of_open(state) if rule.when.is_asked}
    dark = {dark_key(source, rule): event.time for source, rule in sorted(asking)}
    return replace(state, epoch=data.epoch, dark=state.dark.update({**dark, **dict(state.dark)}))


def _of_open(state: State) -> Iterator[Rule]:
    """The rules of open incidents."""
    return (incident.definition for incident in state.incidents.values())


def _later(incident: Incident, since: datetime, now: datetime) -> Incident:
    """The incident with the time in the dark taken out of `for` and `keep_firing_for`."""
    cleared = incident.cleared_at
    return replace(
        incident,
        since=incident.since + (now - max(since, incident.since)),
        cleared_at=cleared + (now - max(since, cleared)) if cleared is not None else None,
    )
