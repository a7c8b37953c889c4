"""`window`: act only within `active_time_intervals`, never within `mute_time_intervals`."""

from __future__ import annotations

from datetime import datetime, timedelta

from remediator.core.model import Verdict, allow, hold
from remediator.core.openings import Intervals, is_open, next_open
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request

ASK_AGAIN = timedelta(minutes=1)
"""When a window is asked for again whose name nobody knows."""

FAR = timedelta(hours=6)
"""When a window is asked for again that does not open within the days looked at."""


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds until the window opens, and where the step could not end inside: from now to now + `within`, its end
    exclusive, must be open.

    Of one level's active intervals any is enough, of several levels each must hold; a mute outweighs all of them. A
    name that nobody knows is closed. Asked before each step; what is under way when it closes is not interrupted.
    """
    limits = request.limits
    names = {*limits.mute_time_intervals, *(each for level in limits.active_time_intervals for each in level)}
    if not names:
        return allow("window", "no window is set")
    if unknown := sorted(names - set(state.policy.time_intervals)):
        return hold("window", f"closed: no such time interval: {', '.join(unknown)}", now + ASK_AGAIN, unknown=unknown)
    active = tuple(_intervals(state, level) for level in limits.active_time_intervals)
    muted = _intervals(state, limits.mute_time_intervals)
    lasting = timedelta(seconds=request.rule.until_of(request.incident.step).within)
    opens = next_open(active, muted, now, lasting)
    seen = {"active": limits.active_time_intervals, "mute": limits.mute_time_intervals, "step_within": lasting}
    if opens == now:
        return allow("window", "open for long enough", **seen)
    why = "open, but the step could not end inside" if is_open(active, muted, now) else "closed"
    if opens is None:
        return hold("window", f"{why}, and does not open for long enough within days", now + FAR, **seen)
    return hold("window", f"{why} until {opens:%Y-%m-%d %H:%M:%SZ}", opens, **seen)


def _intervals(state: State, names: tuple[str, ...]) -> Intervals:
    return tuple(each for name in names for each in state.policy.time_intervals[name])


GUARD = Guard("window", ask)
