"""What a fault came to, counted in the API server's audit log: effects doubled, effects lost, incidents stuck. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from remediator.executor import FENCE
from tests.lab.audit import Request


@dataclass(frozen=True)
class Verdict:
    """Counts of one cell of the matrix, and in how many seconds after the fault's end the incident was closed."""

    doubled: int
    lost: int
    stuck: int
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether every effect came exactly once, and the incident to its end."""
        return (self.doubled, self.lost, self.stuck) == (0, 0, 0)


def judge(writes: Iterable[Request], wanted: Sequence[str], closed: str, seconds: float) -> Verdict:
    """The verdict over all writes of all replicas. `wanted` are the effects that should be there once each, as
    `effect` names them; `closed` is the reason with which the incident was closed, empty where it is open.

    What was not wanted counts as doubled. An incident that did not end `recovered` lost its effect, however often that
    is in the log.
    """
    seen = Counter(filter(None, map(effect, writes)))
    doubled = sum((seen - Counter(wanted)).values())
    missing = sum((Counter(wanted) - seen).values())
    return Verdict(doubled, max(missing, closed not in ("", "recovered")), int(not closed), seconds)


def effect(write: Request) -> str:
    """What a write did to the cluster, empty for a lease and for a fence, which only moves a resourceVersion."""
    annotations = ((write.body or {}).get("metadata") or {}).get("annotations") or {}
    if write.resource in ("leases", "events") or FENCE in annotations:
        return ""
    what = f"{write.resource}/{write.subresource}" if write.subresource else write.resource
    return f"{write.verb} {what} {write.name}"
