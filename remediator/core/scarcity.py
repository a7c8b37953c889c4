"""Who gets what is scarce: places in a budget or in flight, and among those that wait the most urgent first.

An incident waits for its turn where as many more urgent ones as there are places could take them: pending, due, in the
same mode, and held back by nothing else.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

from remediator.core.fold import shadow
from remediator.core.fold.budgets import place_of
from remediator.core.guarding import Budget
from remediator.core.model import Mode, Verdict, allow, deny, hold
from remediator.core.queue import before, position
from remediator.core.rules import Rule
from remediator.core.state import Incident, State

TURN = timedelta(seconds=5)
"""How much later than the one before it a waiting incident asks again, so that not all ask at once."""

LONGEST_TURN = timedelta(minutes=10)

LOOK_AGAIN = timedelta(seconds=15)
"""When an incident asks again that waits for another one's end."""

MOST_ASKED = 256
"""Incidents before one that are asked whether they could go first, the most urgent first: of ten thousand that cannot,
not all are asked in every decision.
"""

_NEVER = datetime.min.replace(tzinfo=UTC)


def budgeted(
    name: str, budget: Budget | None, scope: str, incident: Incident, mode: Mode, state: State, now: datetime
) -> Verdict:
    """The answer of a budget: fewer than `max` actions began in its scope within the last `per` seconds.

    One that began exactly `per` ago is out. Where it is used up, it holds until the oldest that counts is out.
    """
    if budget is None:
        return allow(name, "no such budget is set")
    if budget.max <= 0:
        return deny(name, "a budget of 0 never allows anything", max=budget.max, per=budget.per)
    window = timedelta(seconds=budget.per)
    spent = state.spent.get(shadow(mode) + scope, ())
    oldest = now - window
    recent = [at for at in spent if at > oldest]
    seen = {"scope": scope, "used": len(recent), "max": budget.max, "per": budget.per}
    if len(recent) >= budget.max:
        frees = sorted(recent)[-budget.max] + window + _stagger(_position(state, scope, incident))
        return hold(name, f"{len(recent)} of {budget.max} used in {budget.per:g} s", frees, **seen)
    return _in_turn(name, budget.max - len(recent), scope, incident, mode, state, now, seen)


def in_flight(name: str, most: int, scope: str, incident: Incident, mode: Mode, state: State, now: datetime) -> Verdict:
    """The answer of a limit in flight: fewer than `most` remediations of its scope act, verify or undo."""
    if most <= 0:
        return deny(name, "a limit of 0 never allows anything", max=most)
    taken = flying(state, scope, incident, mode, now)
    seen = {"scope": scope, "in_flight": taken, "max": most}
    if taken >= most:
        again = now + LOOK_AGAIN + _stagger(_position(state, scope, incident))
        return hold(name, f"{taken} of {most} in flight", again, **seen)
    return _in_turn(name, most - taken, scope, incident, mode, state, now, seen)


def _in_turn(
    name: str,
    free: int,
    scope: str,
    incident: Incident,
    mode: Mode,
    state: State,
    now: datetime,
    seen: dict[str, object],
) -> Verdict:
    """Allows where a place is left after all that are more urgent."""
    if _position(state, scope, incident) < free or _ahead(state, scope, incident, mode, now, free) < free:
        return allow(name, f"{free} of {seen['max']} free", **seen)
    again = now + max(_stagger(_position(state, scope, incident) - free + 1), TURN)
    return hold(name, f"more urgent incidents wait for the {free} of {seen['max']} that are free", again, **seen)


def _ahead(state: State, scope: str, incident: Incident, mode: Mode, now: datetime, most: int) -> int:
    """More urgent incidents that could take a place now, counted up to `most`: of the first `MOST_ASKED`."""
    found, due = 0, dict[int, datetime]()  # worked out once a rule
    for _, _, each in islice(before(state.queues.get(scope, ()), place_of(incident)), MOST_ASKED):
        other = state.incidents[each]
        since = due.get(id(other.definition))
        if since is None:
            since = due[id(other.definition)] = _due(state, other.definition, mode, now)
        if other.since <= since and each != incident.id:
            found += 1
            if found >= most:
                break
    return found


def _due(state: State, rule: Rule, mode: Mode, now: datetime) -> datetime:
    """Since when, inclusive, there must be evidence for an incident of the rule to be due; never in another mode."""
    same = (state.mode_of(rule) is Mode.OBSERVE) is (mode is Mode.OBSERVE)
    return now - timedelta(seconds=rule.when.for_) if same else _NEVER


def _position(state: State, scope: str, incident: Incident) -> int:
    """How many incidents stand before this one in the queue, due or not."""
    return position(state.queues.get(scope, ()), place_of(incident))


def flying(state: State, scope: str, incident: Incident, mode: Mode, now: datetime) -> int:
    """Remediations of a scope in flight: from the intent to the proof, or to the end of an undo.

    In observe mode nothing is ever in flight; there an action counts for as long as its success would take to prove.
    """
    if mode is not Mode.OBSERVE:
        return state.in_flight.get(scope, 0)
    proof = timedelta(seconds=incident.definition.until_of(incident.step).for_)
    return sum(now - at < proof for at in state.spent.get(shadow(Mode.OBSERVE) + scope, ()))


def _stagger(position: int) -> timedelta:
    return min(max(position, 0) * TURN, LONGEST_TURN)
