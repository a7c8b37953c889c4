"""`flapping`: evidence that comes and goes is no reason to act."""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.core.model import Verdict, allow, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State, open_key
from remediator.guards.guard import Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while `transitions` changes between firing and clear lie within the last `within` seconds.

    The incident's first evidence is no change; one exactly `within` ago no longer counts. It allows again when
    enough of them are that old.
    """
    limit = request.limits.flapping
    turns = state.turns.get(open_key(request.rule.name, request.incident.target), ())
    window = timedelta(seconds=limit.within)
    recent = sorted(at for at in turns if now - at < window)
    seen = {"transitions": len(recent), "max": limit.transitions, "within": limit.within}
    if len(recent) >= limit.transitions:
        until = recent[-limit.transitions] + window
        return hold("flapping", f"{len(recent)} changes between firing and clear in {limit.within:g} s", until, **seen)
    return allow("flapping", f"{len(recent)} changes", **seen)


GUARD = Guard("flapping", ask, once=True)
