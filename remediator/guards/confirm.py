"""`confirm`: right before the write everything that led to it must still be so, on a fresh live read."""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.core.model import Verdict, allow, deny, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request

FRESH = timedelta(seconds=10)
"""A look that ended longer ago than this is no confirmation."""

AHEAD = timedelta(seconds=1)
"""By how much a look may seem to come from the future, since clocks are corrected in small steps all the time."""

SLOWEST = timedelta(seconds=60)
"""What a look that took longer than this saw first is no confirmation any more when it ends."""

LOOK_AGAIN = timedelta(seconds=15)


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Denies where the signal is gone or the target is another one; holds while anything is unknown or untrue.

    Where our own writes may have silenced it, that the signal is gone says nothing: once a step of several has begun,
    as a drain with its cordon, and after a rung that did not help, as a roll-back that starts the alert's clock anew.
    """
    seen = {
        "taken_at": facts.taken_at,
        "took": facts.took,
        "uid": facts.uid,
        "answers": [[each.condition, each.holds, each.reason] for each in facts.answers],
    }
    if facts.unknown:
        return hold("confirm", f"live state is unknown: {facts.unknown}", now + LOOK_AGAIN, **seen)
    took = timedelta(seconds=facts.took)
    if took > SLOWEST:
        reason = (
            f"the look took {facts.took:.0f} s, longer than {SLOWEST.total_seconds():.0f} s: is the API server slow?"
        )
        return hold("confirm", reason, now + LOOK_AGAIN, **seen)
    if not is_fresh(facts, now):
        return hold("confirm", "the live read is too old", now, **seen)
    if facts.uid != request.incident.target.uid:
        return deny("confirm", "the target was replaced by another object of its name", **seen)
    if request.incident.cleared_at is not None and not request.incident.silences_itself:
        return deny("confirm", "the signal is gone", **seen)
    return _conditions(facts, now, seen)


def is_fresh(facts: Facts, now: datetime) -> bool:
    """Whether a look says how things are now: it ended at most `FRESH` ago (inclusive). One that seems to come from the
    future was made before the clock was set back, nobody knows how long ago.
    """
    age = now - facts.taken_at - timedelta(seconds=facts.took)
    return -AHEAD <= age <= FRESH


def _conditions(facts: Facts, now: datetime, seen: dict[str, object]) -> Verdict:
    for answer in facts.answers:
        if answer.holds is None:
            reason = f"condition is unknown: {answer.condition}: {answer.reason}"
            return hold("confirm", reason, now + LOOK_AGAIN, **seen)
        if not answer.holds:
            return hold("confirm", f"condition does not hold: {answer.condition}", now + LOOK_AGAIN, **seen)
    return allow("confirm", "signal, target and conditions are as they were", **seen)


GUARD = Guard("confirm", ask)
