"""What an action is: it checks its arguments when rules load, plans a change from live objects, and can take it back.

An action never writes. It is handed an `Order` and answers a `Change` for the executor, or a `Refusal`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import datetime

from remediator.core.events import Intent
from remediator.core.model import Change, Json, Precondition, Refusal, Target, Value
from remediator.core.snapshot import Snapshot

REMEDIATION = "remediator.io/remediation"
"""Annotation that every write of ours leaves on its object: the id of the intent behind it."""

Planned = Change | Refusal


class Disruption(enum.StrEnum):
    """What an action takes away of what runs."""

    NONE = "none"  # nothing: it gives back, or only tells
    ROLLING = "rolling"  # pods one after the other, as the workload's own strategy allows
    PODS = "pods"  # single pods, at once
    NODE = "node"  # a node, and what runs on it


class Order(Value, frozen=True):
    """What is to be planned: the intent's id, the target, the checked arguments, and the target as it is live.

    `since` is when the evidence began; what was changed after it is not what the evidence is about.
    """

    id: str
    target: Target
    args: Json
    snapshot: Snapshot
    since: datetime | None = None


class UndoOrder(Value, frozen=True):
    """What is to be taken back: the id of the undo, the intent, and the target as it is live."""

    id: str
    intent: Intent
    target: Target
    snapshot: Snapshot


class Action(Value, frozen=True):
    """One registered action.

    `kinds` are the targets it applies to, all where empty. `check` answers what is wrong with arguments, nothing
    where they are right. `during_rollout` allows it while the target rolls out, `reads_revisions` says that it plans
    on the target's roll-out history. `tells` marks the action that tells a person instead of writing.

    `kept` says whether a carried-out intent's change still stands in the live object; without it nobody is noticed who
    takes it back.

    `disrupts` is what it takes away of what runs, `sets` the groups of fields that it changes and that a manifest or
    another controller may own: `template`, `replicas`. One that does not say what it disrupts counts as the worst.
    """

    name: str
    kinds: tuple[str, ...]
    check: Callable[[Json], tuple[str, ...]]
    plan: Callable[[Order], Planned] | None = None
    undo: Callable[[UndoOrder], Planned] | None = None
    kept: Callable[[Intent, Json], bool] | None = None
    during_rollout: bool = False
    reads_revisions: bool = False
    tells: bool = False
    disrupts: Disruption = Disruption.NODE
    sets: frozenset[str] = frozenset()


def no_arguments(args: Json) -> tuple[str, ...]:
    """The check of actions that take none."""
    return tuple(f"unknown argument {name!r}: this action takes none" for name in args)


def precondition_of(live: Json) -> Precondition:
    """That the object is still the one, and in the state, that was read."""
    meta = live["metadata"]
    return Precondition(meta["uid"], meta["resourceVersion"])


def annotated(change: Json, order_id: str) -> Json:
    """A merge or strategic patch body with the remediation's id among the object's annotations."""
    meta = change.setdefault("metadata", {})
    meta.setdefault("annotations", {})[REMEDIATION] = order_id
    return change


def instant(at: datetime) -> str:
    """RFC 3339 with whole seconds, as kubectl writes annotations."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
