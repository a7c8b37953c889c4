"""What guards and actions remember, as values of the state: pauses, places in a queue, tides, results, healthy looks.

All of it is folded from the journal and bounded. Keys of budgets and queues are scopes: `rule|NAME`, `namespace|NAME`,
`zone|NAME` (of nodes) and `global|`.
"""

from __future__ import annotations

from datetime import datetime

from remediator.core.events import Pause
from remediator.core.model import Value


class Standing(Value, frozen=True):
    """A pause that nobody has lifted: who said it and when."""

    pause: Pause
    by: str
    since: datetime


class Tide(Value, frozen=True):
    """How many targets of a rule match now, and until when each higher number stood.

    `ebbs` are (until, number) with later instants and lower numbers to the right; numbers above 32 are rounded up to
    five binary digits, so that there are few of them.
    """

    matched: int = 0
    ebbs: tuple[tuple[datetime, int], ...] = ()

    def last_at(self, number: float, now: datetime) -> datetime | None:
        """The last instant at which so many matched: `now` where they do, None where none is remembered."""
        if self.matched >= number:
            return now
        return max((until for until, matched in self.ebbs if matched >= number), default=None)


class Result(Value, frozen=True):
    """What became of one remediation: `began`, `failed`, `helped`, `void` (nothing was done, or by nobody's fault),
    or an operator's `acknowledged`.
    """

    at: datetime
    incident: str
    what: str


class Good(Value, frozen=True):
    """A target as it was when a look found it healthy: rolled out, with all its replicas ready.

    `uid` is its own, `revision` the number of its roll-out (0 where that is not known), `replicas` how many it wanted.
    """

    at: datetime
    uid: str
    revision: int = 0
    replicas: int = 0


class Scope:
    """The keys under which budgets count and incidents wait."""

    GLOBAL = "global|"

    @staticmethod
    def rule(name: str) -> str:
        """All actions of one rule."""
        return f"rule|{name}"

    @staticmethod
    def namespace(name: str) -> str:
        """All actions in one namespace."""
        return f"namespace|{name}"

    @staticmethod
    def zone(name: str) -> str:
        """All actions on the nodes of one zone; those without a zone are one of their own."""
        return f"zone|{name}"
