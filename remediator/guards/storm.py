"""`storm`: where too many targets match at once, the signal is doubted before the targets are."""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.actions.action import Disruption
from remediator.core.fold.tides import tide_keys
from remediator.core.kinds import WITH_SIBLINGS
from remediator.core.memory import Scope, Tide
from remediator.core.model import Verdict, allow, hold
from remediator.core.scarcity import flying
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.core.surroundings import Need, Siblings
from remediator.guards.guard import LOOK_AGAIN, Guard, Request, unread

RAMP = (1, 2, 4)
"""Remediations of the rule in flight at once, in each `cooldown` after a storm is over; then no more limit."""


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds a disruptive step while at least `at_least` targets and at least `share` percent of all match the rule, and
    until that has not been so for `cooldown` without a break; at that very instant it is over, and ramps up.

    All are the nodes that the rule may act on, and those of the target's zone by themselves; of a workload those of its
    kind in its namespace. What is under way goes on, and an undo is never asked. Holds where the number of all is
    unknown.
    """
    if request.action.disrupts is Disruption.NONE:
        return allow("storm", f"{request.action.name} takes nothing away")
    if not needs(request, state, facts, now):
        return allow("storm", f"fewer than {request.limits.storm.at_least} targets match")
    if missing := unread("storm", Need.SIBLINGS, facts, now):
        return missing
    siblings = facts.around.siblings
    assert siblings is not None, "what was not read is missing"
    storms = [at for at in _raging(request, state, siblings, now) if at is not None]
    return _after(request, state, max(storms, default=None), now)


def needs(request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    """How many there are in all, once so many match, or did not long ago, that it could be a storm."""
    limit = request.limits.storm
    oldest = now - timedelta(seconds=limit.cooldown) * (len(RAMP) + 1)
    lasts = (tide.last_at(limit.at_least, now) for tide in _tides(request, state))
    could_be = any(last is not None and last > oldest for last in lasts)
    return (Need.SIBLINGS,) if could_be and request.action.disrupts is not Disruption.NONE else ()


def at_most(request: Request) -> tuple[Need, ...]:
    """How many there are in all: of any rule so many may match some day."""
    alike = request.incident.target.kind in WITH_SIBLINGS
    return (Need.SIBLINGS,) if alike and request.action.disrupts is not Disruption.NONE else ()


def _tides(request: Request, state: State) -> list[Tide]:
    """Of all that the rule may act on first, of the target's zone second."""
    incident = request.incident
    target = incident.target
    keys = tide_keys(request.rule.name, target.kind, target.namespace, incident.zone)
    return [state.tides.get(key, Tide()) for key in keys]


def _raging(request: Request, state: State, siblings: Siblings, now: datetime) -> list[datetime | None]:
    """When it last was a storm, over all and in the zone."""
    limit = request.limits.storm
    pools = (siblings.pool, siblings.zone_pool)
    return [
        tide.last_at(max(limit.at_least, limit.share * pool / 100), now)
        for tide, pool in zip(_tides(request, state), pools, strict=False)
    ]


def _after(request: Request, state: State, last: datetime | None, now: datetime) -> Verdict:
    limit, incident = request.limits.storm, request.incident
    cooldown = timedelta(seconds=limit.cooldown)
    seen = {"share": limit.share, "at_least": limit.at_least, "cooldown": limit.cooldown, "last_storm": last}
    if last is None:
        return allow("storm", "not that many match", **seen)
    if now < last + cooldown:
        what = "so many targets match that the signal is doubted" if last == now else "a storm was there just now"
        return hold("storm", what, last + cooldown, **seen)
    stage = int((now - last) / cooldown) - 1 if cooldown else len(RAMP)
    if stage >= len(RAMP):
        return allow("storm", "over for long", **seen)
    in_flight = flying(state, Scope.rule(request.rule.name), incident, request.mode, now)
    if in_flight >= RAMP[stage]:
        return hold("storm", f"{in_flight} of {RAMP[stage]} in flight after a storm", now + LOOK_AGAIN, **seen)
    return allow("storm", f"over; {RAMP[stage]} at once for now", **seen)


GUARD = Guard("storm", ask, needs=needs, once=True, at_most=at_most)
