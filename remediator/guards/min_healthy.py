"""`min_healthy`: enough siblings stay healthy; `max_unhealthy` says the same from the other side."""

from __future__ import annotations

from datetime import datetime

from remediator.actions.action import Disruption
from remediator.core.guarding import Portion
from remediator.core.kinds import WITH_SIBLINGS
from remediator.core.model import Verdict, allow, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.core.surroundings import Need
from remediator.guards.guard import LOOK_AGAIN, Guard, Request, unread


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Holds unless those that are not healthy, the target counted among them, are no more than may be.

    How many that is: of `min_healthy` what is left over, of `max_unhealthy` itself; of numbers and shares, and of both
    settings, the least. A share rounds down what may be disturbed, but to no less than `at_least` (1; for the control
    plane 0); a number means itself. In hand, deleted and not replaced, not started yet: all count as not healthy.
    """
    if not _is_limited(request):
        return allow("min_healthy", "no limit applies")
    kind = request.incident.target.kind
    if kind not in WITH_SIBLINGS:
        return allow("min_healthy", f"a {kind} has no siblings that would serve in its stead")
    if missing := unread("min_healthy", Need.SIBLINGS, facts, now):
        return missing
    siblings = facts.around.siblings
    assert siblings is not None, "what was not read is missing"
    newly = _newly_in_hand(request, state, siblings.busy)
    unhealthy = siblings.total - max(siblings.healthy - newly, 0)
    most = _most(request, siblings.total, 0 if facts.control_plane else 1)
    seen = {"siblings": siblings.total, "unhealthy_with_target": unhealthy, "may_be_unhealthy": most}
    if unhealthy <= most:
        return allow("min_healthy", f"{unhealthy} of {siblings.total} with the target, {most} may be", **seen)
    reason = f"with the target {unhealthy} of {siblings.total} would not be healthy, {most} may be"
    return hold("min_healthy", reason, now + LOOK_AGAIN, **seen)


def needs(request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    """The siblings, where a limit is written, the action takes anything away, and the target has any."""
    alike = request.incident.target.kind in WITH_SIBLINGS
    return (Need.SIBLINGS,) if alike and _is_limited(request) else ()


def _is_limited(request: Request) -> bool:
    limited = request.limits.min_healthy is not None or request.limits.max_unhealthy is not None
    return limited and request.action.disrupts is not Disruption.NONE


def _newly_in_hand(request: Request, state: State, known: tuple[str, ...]) -> int:
    """Siblings that somebody has taken in hand since they were counted."""
    target = request.incident.target
    alike = {key for key in state.hands if key.startswith(f"{target.kind}/{target.namespace}/")}
    return len(alike - {target.key, *known})


def _most(request: Request, total: int, at_least: int) -> int:
    """How many may be unhealthy at once, by the strictest that is written."""
    low, high = request.limits.min_healthy or Portion(), request.limits.max_unhealthy or Portion()
    found = [total - low.count] if low.count is not None else []
    found += [high.count] if high.count is not None else []
    found += [_share(100 - low.share, total, low, at_least)] if low.share is not None else []
    found += [_share(high.share, total, high, at_least)] if high.share is not None else []
    return min(found, default=total)


def _share(percent: int, total: int, portion: Portion, at_least: int) -> int:
    return max(percent * total // 100, at_least if portion.at_least is None else portion.at_least)


GUARD = Guard("min_healthy", ask, needs=needs)
