"""The books: the chain holds, the controller's state is the fold of the journal, and both stay bounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from remediator.core.events import Record
from remediator.core.state import MAX_NOTED, MAX_SIGNALS
from remediator.journal.chain import START, line_of
from remediator.journal.verification import verify
from remediator.ports import Broken
from tests.simulate.promises.promise import Promise


class Chain(Promise):
    """Every record follows the one before, by number and by hash."""

    def __init__(self, oracle: Any) -> None:
        super().__init__(oracle)
        self._head = START

    def before(self, process: str, records: Sequence[Record]) -> None:
        """Verify the lines of one append behind those that are known."""
        if not records:
            return
        try:
            self._head = verify([line_of(record) for record in records], after=self._head).head
            problem = ""
        except Broken as error:
            problem = str(error)
        self.check("the chain holds", not problem, problem)


class SameState(Promise):
    """The state that the controller decides on is the fold of what is durable. Asked now and then: it takes long."""

    EVERY = 50

    def after(self, process: str, records: Sequence[Record]) -> None:
        """Compare as soon as the process has heard of its append."""
        if (
            records
            and len(self.history.records) // self.EVERY != (len(self.history.records) - len(records)) // self.EVERY
        ):
            self.oracle.compare_soon(process)


class Bounded(Promise):
    """What decisions need does not grow with the past."""

    def after(self, process: str, records: Sequence[Record]) -> None:
        """Look at the sizes now and then."""
        if not records or records[-1].seq % 20:
            return
        state = self.history.state
        self.check("noted signals are bounded", len(state.noted) <= MAX_NOTED, f"{len(state.noted)}")
        open_signals = sum(len(each.signals) for each in state.incidents.values())
        self.check("told signals are those of open incidents", len(state.told) <= open_signals, f"{len(state.told)}")
        most = max((len(each.signals) for each in state.incidents.values()), default=0)
        self.check("signals of an incident are bounded", most <= MAX_SIGNALS, f"{most}")
        self.check("hands are those of open incidents", len(state.hands) <= len(state.incidents), f"{state.hands}")
        self.check("open is what is open", len(state.open) == len(state.incidents), f"{len(state.open)}")
