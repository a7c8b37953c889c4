"""`opt_out`: the annotation `remediator.io/exclude` on the target, on an owner of it, or on its namespace."""

from __future__ import annotations

from datetime import datetime

from remediator.core.model import Verdict, allow, deny
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.core.surroundings import Need
from remediator.core.workload import EXCLUDE
from remediator.guards.guard import Guard, Request, unread


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Denies where any of them says `"true"`, or anything but exactly `"true"` or `"false"`.

    `"false"` is the same as no annotation and takes nobody else's word back. Holds while namespace or owners cannot be
    read: whoever wanted to be left alone must not be touched because of a 403.
    """
    said = [(str(request.incident.target), facts.exclude)]
    for need in needs(request, state, facts, now):
        if missing := unread("opt_out", need, facts, now):
            return missing
    around = facts.around
    said += [(owner.name, owner.exclude) for owner in around.owners or ()]
    if around.namespace is not None:
        said.append((f"namespace {request.incident.target.namespace}", around.namespace.exclude))
    against = [(where, value) for where, value in said if value not in (None, "false")]
    if not against:
        return allow("opt_out", "nobody opted out")
    return deny("opt_out", "; ".join(_reason(*each) for each in against), found=dict(against))


def needs(request: Request, state: State, facts: Facts, now: datetime) -> tuple[Need, ...]:
    """The owners, and the namespace of what is in one."""
    return (Need.NAMESPACE, Need.OWNERS) if request.incident.target.namespace else (Need.OWNERS,)


def _reason(where: str, value: str) -> str:
    if value == "true":
        return f"{where} opted out"
    return f'{where} has {EXCLUDE}: "{value}", which is neither "true" nor "false": taken for opted out'


GUARD = Guard("opt_out", ask, quiet=True, needs=needs)
