"""`pause`: the switch that a person throws, for everything or for one rule, namespace or target."""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.core.events import Pause
from remediator.core.memory import Standing
from remediator.core.model import Verdict, allow, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request

ASK_AGAIN = timedelta(seconds=60)
"""A pause may be lifted before its end, so it is asked for again at least this often."""


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds while any pause stands whose every named part is the request's; at its end (inclusive) it is over.

    Several stand at once, and lifting one lifts no other. A watched object may say the same (`halted`); either is
    enough. A pause never holds back an undo, nor what tells a person.
    """
    standing = sorted(
        (each for each in state.pauses.values() if _stands(each.pause, now) and _concerns(each.pause, request)),
        key=lambda each: (each.since, each.pause.id),
    )
    reasons = [*([facts.around.halted] if facts.around.halted else []), *map(_said, standing)]
    if not reasons:
        return allow("pause", "nothing is paused")
    ends = [each.pause.until for each in standing] + [None] * bool(facts.around.halted)
    known = [end for end in ends if end is not None]
    retry_at = min(max(known), now + ASK_AGAIN) if len(known) == len(ends) else now + ASK_AGAIN
    return hold("pause", "; ".join(reasons), retry_at, pauses=[each.pause.id for each in standing])


def _stands(pause: Pause, now: datetime) -> bool:
    return pause.until is None or now < pause.until


def _concerns(pause: Pause, request: Request) -> bool:
    """Whether everything that the pause names is so; one that names nothing concerns everything."""
    target = request.incident.target
    return (
        pause.rule in ("", request.rule.name)
        and pause.namespace in ("", target.within)
        and pause.target in ("", target.key, str(target))
    )


def _said(standing: Standing) -> str:
    pause = standing.pause
    until = f" until {pause.until:%Y-%m-%d %H:%M:%SZ}" if pause.until else ""
    return f"paused by {standing.by}{until}: {pause.reason or 'no reason given'}"


GUARD = Guard("pause", ask)
