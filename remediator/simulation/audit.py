"""The simulated API server's audit log: every request of every account, as the oracle that tests judge by."""

from __future__ import annotations

from datetime import datetime

from remediator.core.model import Json, Value

WRITES = frozenset({"patch", "create", "delete", "evict"})


class Request(Value, frozen=True):
    """One request as the server received it. `verb` is get, list, watch, patch, create, delete or evict; `part` is the
    subresource that is read.
    """

    account: str
    verb: str
    kind: str
    namespace: str
    name: str
    dry_run: bool = False
    body: Json | list[Json] = {}
    part: str = ""


class Entry(Value, frozen=True):
    """A request and the HTTP code the server answered, whether or not the answer arrived."""

    at: datetime
    request: Request
    code: int


class Audit:
    """The log, oldest first."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def note(self, at: datetime, request: Request, code: int) -> None:
        """Keep one answered request."""
        self.entries.append(Entry(at, request, code))

    def writes(self, account: str = "") -> list[Entry]:
        """What an account (empty: any) really changed: successful writes that were no dry run."""
        return [entry for entry in self._of(account) if entry.code < 300 and not entry.request.dry_run]

    def rehearsals(self, account: str = "") -> list[Entry]:
        """Dry runs of an account, successful or not."""
        return [entry for entry in self._of(account) if entry.request.dry_run]

    def _of(self, account: str) -> list[Entry]:
        return [
            entry for entry in self.entries if entry.request.verb in WRITES and account in ("", entry.request.account)
        ]
