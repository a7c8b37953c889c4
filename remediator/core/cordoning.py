"""A node's cordon: whose it is, and the patches that set and lift it, as kubectl's cordon and uncordon write them.

A cordon is ours while the node says so and nobody else has set the field since: the API server notes in
`managedFields` who set a field last.
"""

from __future__ import annotations

from remediator.core.model import Json

CORDONED = "remediator.io/cordoned"
"""Annotation beside a cordon of ours: the id of the intent that made it."""

MANAGER = "remediator"
"""The field manager of all our writes."""


def is_cordoned(node: Json) -> bool:
    """Whether new pods are kept away."""
    return bool((node.get("spec") or {}).get("unschedulable"))


def is_ours(node: Json) -> bool:
    """Whether the node's cordon is one that we set and nobody has set anew since."""
    marked = CORDONED in (node["metadata"].get("annotations") or {})
    return is_cordoned(node) and marked and _set_by(node) in (MANAGER, "")


def _set_by(node: Json) -> str:
    """Who set the field last; empty where the server does not tell of any field who did."""
    entries = node["metadata"].get("managedFields") or ()
    holders = [
        each.get("manager", "?")
        for each in entries
        if "f:unschedulable" in ((each.get("fieldsV1") or {}).get("f:spec") or {})
    ]
    return MANAGER if MANAGER in holders else holders[0] if holders else ("?" if entries else "")


def cordoning(intent: str) -> Json:
    """The patch of a cordon."""
    return {"metadata": {"annotations": {CORDONED: intent}}, "spec": {"unschedulable": True}}


def uncordoning() -> Json:
    """The patch that lifts one, with its mark."""
    return {"metadata": {"annotations": {CORDONED: None}}, "spec": {"unschedulable": None}}
