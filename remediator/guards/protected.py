"""`protected`: never itself, never the control plane, never what the settings protect."""

from __future__ import annotations

from datetime import datetime

from remediator.core.model import Target, Verdict, allow, deny
from remediator.core.rules import Itself
from remediator.core.snapshot import Facts
from remediator.core.state import State
from remediator.guards.guard import Guard, Request

OWN_LABEL = ("app.kubernetes.io/name", "remediator")
"""The label by which the remediator knows its own workload in its own namespace."""


def ask(request: Request, state: State, facts: Facts, now: datetime) -> Verdict:
    """Denies for the remediator's own workload and node, nodes of the control plane, a protected namespace, or a label
    selector that matches; unless `protected.allow` names the very object.

    Where the target has more labels than are kept, a selector that matches none of these might match one of those.
    In a cluster whose own node is not known (`NODE_NAME`) any node might be it.
    """
    target, protected = request.incident.target, state.policy.protected
    if str(target) in protected.allow or target.key in protected.allow:
        return allow("protected", "allowed by name", name=str(target))
    if target.kind == "Node" and (why := _protected_node(target, state.policy.itself, facts)):
        return deny("protected", why, node=target.name)
    if _is_itself(target, state.policy.itself, facts):
        return deny("protected", "this is the remediator itself", own=str(target))
    if target.within in protected.namespaces:
        return deny("protected", f"namespace {target.within} is protected", namespace=target.within)
    for selector in protected.selectors:
        name, _, value = selector.partition("=")
        if facts.labels.get(name) == value:
            return deny("protected", f"label {selector} is protected", selector=selector)
    if facts.more_labels and protected.selectors:
        return deny("protected", "it has too many labels to be sure that none is protected", kept=len(facts.labels))
    return allow("protected", "not protected", namespace=target.within)


def _protected_node(target: Target, itself: Itself, facts: Facts) -> str:
    if facts.control_plane:
        return "this is a node of the control plane"
    if target.name == itself.node:
        return "this is the node that the remediator runs on"
    unknown = itself.pod and not itself.node
    return "whether this is the own node is unknown: set NODE_NAME by the downward API" if unknown else ""


def _is_itself(target: Target, itself: Itself, facts: Facts) -> bool:
    """By label in the own namespace, or as the owner whose name begins the own pod's name; and that namespace whole."""
    if not itself.namespace or target.within != itself.namespace:
        return False
    if target.kind == "Namespace":
        return True
    labelled = facts.labels.get(OWN_LABEL[0]) == OWN_LABEL[1]
    return labelled or target.name == itself.pod or itself.pod.startswith(f"{target.name}-")


GUARD = Guard("protected", ask, quiet=True)
