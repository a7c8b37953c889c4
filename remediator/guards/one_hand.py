"""`one_hand`: one remediation in flight per owning workload or node, over all rules."""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.core.model import Verdict, allow, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request

LOOK_AGAIN = timedelta(seconds=5)


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while another incident acts on, verifies or undoes something on the same target."""
    holder = state.hands.get(request.incident.target.key)
    if holder is None or holder == request.incident.id:
        return allow("one_hand", "target is free")
    return hold("one_hand", f"incident {holder} works on this target", now + LOOK_AGAIN, holder=holder)


GUARD = Guard("one_hand", ask)
