"""`silence`: an alert that somebody silenced, or that another one inhibits, is no reason to act."""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.core.model import Verdict, allow, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.core.surroundings import Need
from remediator.guards.guard import Guard, Request, unread

ASK_AGAIN = timedelta(seconds=60)


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while any alert of the incident is silenced or inhibited (hands off, whoever else fires), while none of
    them is there in Alertmanager, and while it cannot be asked.
    """
    if not request.rule.when.alert:
        return allow("silence", "no alert speaks of it")
    if unknown := unread("silence", Need.SILENCES, facts, now):
        return unknown
    silences = facts.around.silences
    if silences:
        return hold("silence", "; ".join(silences), now + ASK_AGAIN, silences=silences)
    return allow("silence", "no alert of it is known to be silenced")


def needs(request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    """What Alertmanager says of the rule's alerts."""
    return (Need.SILENCES,) if request.rule.when.alert else ()


GUARD = Guard("silence", ask, needs=needs)
