"""What is scarce onto the state: actions counted against budgets, places in flight, and who waits for one.

A reservation is made with the intent, in every scope that the action falls into, and given back where nothing was done.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from remediator.core.events import Event, RulesChanged
from remediator.core.fold.place import shadow, without
from remediator.core.guarding import LONGEST_WINDOW, MOST_IN_WINDOW
from remediator.core.memory import Scope
from remediator.core.model import Mode, Phase
from remediator.core.queue import Place, put, take
from remediator.core.state import Incident, State

SEVERITIES = {"critical": 0, "page": 1, "warning": 2, "info": 3}
"""Values of the label `severity`, the gravest first; any other, and none, come after these."""

GUARDS_OF = {
    "rule": frozenset({"budget", "max_in_flight"}),
    "namespace": frozenset({"namespace_budget"}),
    "zone": frozenset({"zone_budget"}),
    "global": frozenset({"global_budget", "global_max_in_flight"}),
}
"""The guards that hand out the places of each kind of scope."""


def scopes_of(incident: Incident) -> tuple[str, ...]:
    """The scopes that the incident's actions count in."""
    target = incident.target
    found = [Scope.rule(incident.definition.name), Scope.GLOBAL]
    if target.within:
        found.append(Scope.namespace(target.within))
    if target.kind == "Node":
        found.append(Scope.zone(incident.zone))
    return tuple(found)


def reserve(state: State, incident: Incident, at: datetime, mode: Mode | None) -> State:
    """The state with one action more in each of its scopes; what no budget can look back to is forgotten."""
    spent, oldest = state.spent, at - timedelta(seconds=LONGEST_WINDOW)
    for scope in scopes_of(incident):
        key = shadow(mode) + scope
        kept = spent.get(key, ())
        if kept and kept[0] <= oldest:
            kept = tuple(each for each in kept if each > oldest)
        spent = spent.set(key, (*kept, at)[-MOST_IN_WINDOW:])
    return replace(state, spent=spent)


def give_back(state: State, incident: Incident) -> State:
    """Take the incident's own reservation out: of a write, since a rehearsal has but one outcome."""
    at, spent = incident.intended_at, state.spent
    for scope in scopes_of(incident):
        times = list(spent.get(scope, ()))
        if at is not None and at in times:
            times.remove(at)
            spent = spent.set(scope, tuple(times))
    return replace(state, spent=spent)


def follow(before: State, after: State, event: Event) -> State:
    """The state with the places in flight and the queues as they are after an event."""
    if isinstance(event.data, RulesChanged):
        touched = {key for key, value in after.incidents.items() if before.incidents.get(key) is not value}
    else:
        touched = {event.incident} if event.incident else set()
    for each in touched:
        was, now = before.incidents.get(each), after.incidents.get(each)
        if was is not now:
            after = _queued(_counted(after, was, now), was, now)
    return after


def place_of(incident: Incident) -> Place:
    """Where the incident stands among those that wait: by severity (the rule's label before the alert's), then age."""
    severity = incident.definition.labels.get("severity") or incident.labels.get("severity", "")
    return SEVERITIES.get(severity, len(SEVERITIES)), incident.opened_at, incident.id


def waits_in(incident: Incident | None) -> frozenset[str]:
    """The scopes in which the incident may take the next place: pending, and held back by nothing but that scope.

    One that something else holds back must not keep others waiting; one not decided yet waits everywhere.
    """
    if incident is None or incident.phase is not Phase.PENDING or incident.cleared_at is not None:
        return frozenset()
    said, scopes = incident.said, scopes_of(incident)
    if said is None or said.step != incident.step or said.result in ("act", "observe"):
        return frozenset(scopes)
    against = {verdict.guard for verdict in said.verdicts if not verdict.allows}
    return frozenset(scope for scope in scopes if against <= GUARDS_OF[scope.partition("|")[0]])


def _counted(state: State, was: Incident | None, now: Incident | None) -> State:
    one, other = (each is not None and each.in_flight for each in (was, now))
    incident = now or was
    if one is other or incident is None:
        return state
    in_flight = state.in_flight
    for scope in scopes_of(incident):
        number = in_flight.get(scope, 0) + (1 if other else -1)
        in_flight = in_flight.set(scope, number) if number > 0 else without(in_flight, scope)
    return replace(state, in_flight=in_flight)


def _queued(state: State, was: Incident | None, now: Incident | None) -> State:
    left, entered = waits_in(was), waits_in(now)
    if left == entered and (not left or was is None or now is None or place_of(was) == place_of(now)):
        return state
    queues = state.queues
    for scope in left | entered:
        queue = queues.get(scope, ())
        if was is not None and scope in left:
            queue = take(queue, place_of(was))
        if now is not None and scope in entered:
            queue = put(queue, place_of(now))
        queues = queues.set(scope, queue) if queue else without(queues, scope)
    return replace(state, queues=queues)
