"""What a target stands in, as guards see it: namespace, owners, siblings, disruption budgets, quorum, autoscalers.

Read only where a guard in force needs it (`Need`). What could not be read is named in `unread` with the reason, and
what was not asked for is None: neither is ever taken for an answer.
"""

from __future__ import annotations

import enum
from collections.abc import Collection

from msgspec.structs import replace

from remediator.core.model import Value


class Need(enum.StrEnum):
    """One thing around the target that a guard may need to be read."""

    NAMESPACE = "namespace"
    OWNERS = "owners"
    SIBLINGS = "siblings"
    AUTOSCALERS = "autoscalers"
    DISRUPTION_BUDGETS = "disruption_budgets"
    MEMBERS = "members"
    SILENCES = "silences"
    CAPACITY = "capacity"
    GATES = "gates"


class Owner(Value, frozen=True):
    """An object that owns the target, with its annotation `remediator.io/exclude`; None where it has none."""

    name: str
    exclude: str | None = None


class Namespace(Value, frozen=True):
    """The target's namespace: whether it is on its way out, and its annotation `remediator.io/exclude`."""

    terminating: bool = False
    exclude: str | None = None


class Siblings(Value, frozen=True):
    """The objects that the target is one of, itself included: `total` of them, `healthy` of the others.

    `busy` are those that are in hand, already counted as not healthy. `pool` are all that the rule may act on, of which
    `zone_pool` stand in the target's zone.
    """

    total: int
    healthy: int
    busy: tuple[str, ...] = ()
    pool: int = 0
    zone_pool: int = 0


class DisruptionBudget(Value, frozen=True):
    """A PodDisruptionBudget over the target's pods, and how many of them it lets go now."""

    name: str
    allowed: int


class Members(Value, frozen=True):
    """The control plane that a node belongs to: `total` nodes, `healthy` of the others, those of them in hand.

    `budgets` cover the etcd member on the node; None where no member was found there.
    """

    total: int
    healthy: int
    busy: tuple[str, ...] = ()
    budgets: tuple[DisruptionBudget, ...] | None = None


class Capacity(Value, frozen=True):
    """Whether what a step takes away can come back. `refused` and `unknown` are the API server's reasons not to create
    it, `unplaced` the pods that no other node has room for, `beyond` what their places need that was not looked at.
    """

    refused: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unplaced: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()


class Gate(Value, frozen=True):
    """What a query or alert of `require` or `veto` says: `holds` is None where that is unknown, with the reason."""

    text: str
    holds: bool | None
    reason: str = ""


class Surroundings(Value, frozen=True):
    """All that was read around a target. `silences` say which of the incident's alerts are silenced, inhibited or
    muted, and by what, or that none of them is there at present; `halted` is the word of a watched object that switches
    everything off.
    """

    unread: dict[str, str] = {}
    namespace: Namespace | None = None
    owners: tuple[Owner, ...] | None = None
    siblings: Siblings | None = None
    autoscalers: tuple[str, ...] | None = None
    disruption_budgets: tuple[DisruptionBudget, ...] | None = None
    members: Members | None = None
    capacity: Capacity | None = None
    gates: tuple[Gate, ...] | None = None
    silences: tuple[str, ...] | None = None
    halted: str = ""

    def renewed(self, found: Surroundings, needs: Collection[Need]) -> Surroundings:
        """The same with what these needs were read as once more, also where it cannot be read any more."""
        unread = {need: why for need, why in self.unread.items() if need not in needs} | found.unread
        return replace(self, unread=unread, **{need.value: getattr(found, need) for need in needs})

    def missing(self, need: Need) -> str:
        """Why something that is needed is not known; empty where it is."""
        what = need.replace("_", " ")
        if need in self.unread:
            return f"{what} cannot be read: {self.unread[need]}"
        return "" if getattr(self, need) is not None else f"{what} not read yet"
