"""What an account has to be granted so that a step can be done: verbs on types of objects, before a place is known."""

from __future__ import annotations

from remediator.core.kinds import KINDS
from remediator.core.model import Resource, Value


class Grant(Value, frozen=True):
    """One verb of RBAC on a type of objects, None for the target's own type; `part` is a subresource.

    It is meant where the target is. `everywhere` asks for all namespaces, wherever the target is; `names` narrow it to
    objects of these names.
    """

    verb: str
    resource: Resource | None = None
    part: str = ""
    everywhere: bool = False
    names: tuple[str, ...] = ()


PATCHES = (Grant("patch"),)
"""A patch of the target; what became of a write is found out by a read, and made certain by a patch."""

NOTHING: tuple[Grant, ...] = ()
"""Nothing is written."""


def evicts(*, everywhere: bool = False) -> tuple[Grant, ...]:
    """Evictions of pods; one whose outcome is not known is looked for and fenced off."""
    pods = KINDS["Pod"]
    return (
        Grant("create", pods, "eviction", everywhere),
        Grant("get", pods, "", everywhere),
        Grant("patch", pods, "", everywhere),
    )


def lists(*kinds: str, everywhere: bool = False) -> tuple[Grant, ...]:
    """Lists of known kinds."""
    return tuple(Grant("list", KINDS[kind], "", everywhere) for kind in kinds)


def gets(*kinds: str, everywhere: bool = False) -> tuple[Grant, ...]:
    """Single reads of known kinds."""
    return tuple(Grant("get", KINDS[kind], "", everywhere) for kind in kinds)
