"""`quorum`: of the control plane and etcd one member at a time, and only while the others can do without it."""

from __future__ import annotations

from datetime import datetime

from remediator.actions.action import Disruption
from remediator.core.model import Verdict, allow, deny, hold
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.core.surroundings import Members, Need
from remediator.guards.guard import LOOK_AGAIN, Guard, Request


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """For a control-plane node: denies on the own node, where a majority could not stand without it, or where anything
    of that is unknown; holds while another member is not healthy or in hand, or the budget over its etcd lets none go.

    A majority is more than half of all members: never of one or two. The etcd member on the node must be covered by a
    PodDisruptionBudget; without one nobody knows whether it may go.
    """
    if not needs(request, state, facts, now):
        return allow("quorum", "no member of the control plane is disturbed")
    itself, target = state.policy.itself, request.incident.target
    if target.name == itself.node or (itself.pod and not itself.node):
        why = (
            "this is the node that the remediator runs on" if itself.node else "the own node is unknown: set NODE_NAME"
        )
        return deny("quorum", why, own=itself.node)
    members = facts.around.members
    if members is None:
        return deny("quorum", f"quorum is unknown: {facts.around.missing(Need.MEMBERS)}")
    return _weighed(members, _others(request, state, members), now)


def needs(request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    """The members, where the target is one and the action takes anything away."""
    return (Need.MEMBERS,) if facts.control_plane and request.action.disrupts is not Disruption.NONE else ()


def _others(request: Request, state: State, members: Members) -> int:
    """Other members that are well: none that somebody has taken in hand since."""
    target = request.incident.target
    newly = {key for key in state.hands if key.startswith(f"{target.kind}/")} - {target.key, *members.busy}
    return max(members.healthy - len(newly), 0)


def _weighed(members: Members, others: int, now: datetime) -> Verdict:
    budgets, majority = members.budgets or (), members.total // 2 + 1
    allowed = {each.name: each.allowed for each in budgets}
    seen = {"members": members.total, "others_healthy": others, "majority": majority, "budgets": allowed}
    if members.total - 1 < majority:
        return deny("quorum", f"of {members.total} members none can be missed", **seen)
    if not budgets:
        return deny("quorum", "no disruption budget covers an etcd member on it: whether it may go is unknown", **seen)
    if others < members.total - 1:
        return hold("quorum", "another member is not healthy or in hand: one at a time", now + LOOK_AGAIN, **seen)
    blocking = ", ".join(each.name for each in budgets if each.allowed < 1)
    if blocking:
        return hold("quorum", f"{blocking} lets no member go now", now + LOOK_AGAIN, **seen)
    return allow("quorum", f"{others} of {members.total} members stay", **seen)


GUARD = Guard("quorum", ask, needs=needs)
