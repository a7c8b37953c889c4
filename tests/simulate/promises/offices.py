"""One is in charge: what is intended is intended by who took office last, and what is written by who has the Lease."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from remediator.core.events import Intent, Leader, Record, Undo
from remediator.core.model import Change
from tests.simulate.promises.promise import Promise

LEASE = ("Lease", "remediator", "remediator")


class InCharge(Promise):
    """Promise 4, over processes: an intent bears the epoch of the last term and is made by who began that."""

    def __init__(self, oracle: Any) -> None:
        super().__init__(oracle)
        self._process, self._leader = "", Leader(0, "")

    def before(self, process: str, records: Sequence[Record]) -> None:
        """Whose records these are."""
        self._process = process

    def on_record(self, record: Record) -> None:
        """A term begins, one above the last; or something is intended in it."""
        data = record.event.data
        if isinstance(data, Leader):
            follows = (data.epoch, data.identity) == (self._leader.epoch + 1, self._process)
            self.check("terms follow each other", follows, f"{data} after {self._leader}, by {self._process}")
            self._leader = data
        if isinstance(data, Intent | Undo):
            own = (data.epoch, self._process) == (self._leader.epoch, self._leader.identity)
            self.check("who is in charge intends", own, f"{self._process}: {data.id} in term {self._leader}")

    def on_send(self, process: str, change: Change) -> None:
        """Where a Lease says who is in charge, nobody else sends a write."""
        lease = self.oracle.world.store.get(*LEASE)
        if lease is not None:
            holder = lease["spec"].get("holderIdentity")
            self.check("who holds the lease writes", holder == process, f"{process} sends, {holder} has the lease")
