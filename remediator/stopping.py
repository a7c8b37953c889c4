"""Stopping: why a step of several writes is given up before its last one. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from remediator.actions.action import Done
from remediator.core.model import Change, Mode, Value, Verdict
from remediator.core.progress import MOST_WRITES
from remediator.core.snapshot import Facts
from remediator.guards import GUARDS, Request

HOPELESS = frozenset({"attempts", "contention"})
"""Guards whose denial skips every rung that writes."""
QUIET = frozenset(guard.name for guard in GUARDS if guard.quiet)


class Stop(Value, frozen=True):
    """Why a step is given up, and where the ladder goes on: `next`, the `person` at its end, or `rest`.

    `by_hand` tells that a person took back what the step did.
    """

    why: str
    then: str = "next"
    by_hand: bool = False


def onward_from(denied: Collection[str]) -> str:
    """Where denials lead: nobody is told of what is not ours to touch, a person of what no rung can cure."""
    if QUIET.intersection(denied):
        return "rest"
    return "person" if HOPELESS.intersection(denied) else "next"


def stop_of(request: Request, verdicts: tuple[Verdict, ...], facts: Facts, now: datetime) -> Stop | None:
    """Why a step under way is given up; None where it goes on, waits, or is done.

    Somebody who takes back what it did (`facts.kept` is False) is a person at work: it rests. At `until` (inclusive)
    its time is over, whatever it waits for.
    """
    progress = request.incident.progress
    assert progress is not None, "a step under way has its progress"
    if facts.kept is False:
        return Stop("somebody took back by hand what the step did", "rest", by_hand=True)
    if progress.failed:
        said = request.incident.said
        return Stop(progress.failed, onward_from(_against(said.verdicts) if said else ()))
    if isinstance(request.change, Done):
        return None
    return _forbidden(request) or _denied(verdicts) or _over(request, verdicts, now)


def _forbidden(request: Request) -> Stop | None:
    """A step that was begun is never carried further than the mode allows now; an approval is for the whole of it."""
    if request.mode is Mode.ENFORCE or (request.mode is Mode.APPROVE and request.incident.approved):
        return None
    unapproved = " and nobody has approved the step" if request.mode is Mode.APPROVE else ""
    return Stop(f"the mode is {request.mode} by now{unapproved}")


def _denied(verdicts: tuple[Verdict, ...]) -> Stop | None:
    denied = _against(verdicts)
    return Stop("; ".join(denied.values()), onward_from(denied)) if denied else None


def _against(verdicts: tuple[Verdict, ...]) -> dict[str, str]:
    return {verdict.guard: verdict.reason for verdict in verdicts if verdict.verdict == "deny"}


def _waits(verdicts: tuple[Verdict, ...]) -> str:
    return "; ".join(verdict.reason for verdict in verdicts if verdict.verdict == "hold")


def _over(request: Request, verdicts: tuple[Verdict, ...], now: datetime) -> Stop | None:
    """Too many writes, or too late: but what gives back is never too late, however long nobody was there to do it."""
    incident, progress = request.incident, request.incident.progress
    assert progress is not None, "a step under way has its progress"
    if len(progress.done) >= MOST_WRITES:
        return Stop(f"not done after {len(progress.done)} writes")
    if now < progress.until or (request.gives_back and isinstance(request.change, Change)):
        return None
    waits = _waits(verdicts) or (_waits(incident.said.verdicts) if incident.said else "")
    seconds = (progress.until - progress.began_at).total_seconds()
    return Stop(f"not done within {seconds:g} s: {waits or f'{len(progress.done)} writes done, more to go'}")
