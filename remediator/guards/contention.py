"""`contention`: stop planning the same step anew where the target keeps changing under it."""

from __future__ import annotations

from datetime import datetime

from remediator.core.model import Verdict, allow, deny
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request

MOST_TRIES = 5
"""Intents of one step; the last one may still be carried out."""


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Denies once `MOST_TRIES` intents of this step ended without effect (409, or fenced off)."""
    tries = request.incident.tries
    if tries >= MOST_TRIES:
        return deny("contention", f"the target changed under {tries} planned writes in a row", tries=tries)
    return allow("contention", f"{tries} tries so far", tries=tries)


GUARD = Guard("contention", ask)
