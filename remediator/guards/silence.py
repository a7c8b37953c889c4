"""`silence`: an alert that somebody silenced, or that another one inhibits, is no reason to act."""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.core.model import Verdict, allow, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request

ASK_AGAIN = timedelta(seconds=60)


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while any alert of the incident is known to be silenced or inhibited: hands off, whoever else fires."""
    silences = facts.around.silences
    if silences:
        return hold("silence", "; ".join(silences), now + ASK_AGAIN, silences=silences)
    return allow("silence", "no alert of it is known to be silenced")


GUARD = Guard("silence", ask)
