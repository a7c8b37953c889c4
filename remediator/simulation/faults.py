"""Failures on command: a list of faults, each used up by the requests that it fits, in the order of the list."""

from __future__ import annotations

import enum

import msgspec

from remediator.core.model import Value
from remediator.simulation.audit import Request


class FaultKind(enum.StrEnum):
    """What goes wrong with a request."""

    CONFLICT = "conflict"  # 409, nothing done
    THROTTLED = "throttled"  # 429 with `seconds` as Retry-After, nothing done
    ERROR = "error"  # 500, nothing done
    UNREACHABLE = "unreachable"  # no connection, nothing sent
    LOST_ANSWER = "lost_answer"  # carried out; the answer never came
    LOST_REQUEST = "lost_request"  # sent, never arrived; the answer never came
    LATE = "late"  # as LOST_REQUEST, but it arrives `seconds` later and is carried out then
    SLOW = "slow"  # carried out after `seconds`
    STALE = "stale"  # a read answers the state of `revisions` ago


class Fault(Value, frozen=True):
    """One failure. Empty `account`, `verbs` and `kinds` fit every request; `count` 0 lasts until it is lifted.

    `dry_run` fits only dry runs (true), or only what is none (false).
    """

    kind: FaultKind
    account: str = ""
    verbs: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    count: int = 1
    seconds: float = 1.0
    revisions: int = 1
    dry_run: bool | None = None

    def fits(self, request: Request) -> bool:
        """Whether this request is one to fail."""
        return (
            self.account in ("", request.account)
            and (not self.verbs or request.verb in self.verbs)
            and (not self.kinds or request.kind in self.kinds)
            and self.dry_run in (None, request.dry_run)
        )


class Faults:
    """The faults still to come. Deterministic: the first that fits is taken, one per request."""

    def __init__(self) -> None:
        self.pending: list[Fault] = []
        self.injected: dict[str, int] = {}

    def add(self, *faults: Fault) -> None:
        """Put faults at the end of the list."""
        self.pending += faults

    def lift(self, kind: FaultKind | None = None) -> None:
        """Take faults of a kind, or all, off the list."""
        self.pending = [fault for fault in self.pending if kind is not None and fault.kind is not kind]

    def take(self, request: Request) -> Fault | None:
        """The fault for this request, used up by it; `None` where all is well."""
        for index, fault in enumerate(self.pending):
            if not fault.fits(request):
                continue
            if fault.count == 1:
                del self.pending[index]
            elif fault.count > 1:
                self.pending[index] = msgspec.structs.replace(fault, count=fault.count - 1)
            self.injected[fault.kind] = self.injected.get(fault.kind, 0) + 1
            return fault
        return None
