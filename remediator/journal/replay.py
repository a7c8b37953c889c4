"""Whether checkpoints say what the records before them say: each state is derived anew and compared."""

from __future__ import annotations

from remediator.core.events import Checkpoint, Event
from remediator.core.fold import apply, fold
from remediator.core.frozen_state import Thawing, form
from remediator.core.state import State
from remediator.journal.canonical import Line
from remediator.journal.chain import record_of
from remediator.ports import Broken, JournalError


class Replay:
    """Takes verified lines in their order. `compared` counts the checkpoints that were derived anew, `passed` those
    that could not be: of another version's form, or the first one where the records before it were dropped.
    """

    def __init__(self) -> None:
        self.compared = self.passed = 0
        self._state: State | None = None
        self._begun: State | None = None
        self._thawing: Thawing | None = None
        self._since: list[Event] = []

    def take(self, line: Line) -> None:
        """One more line. Raises `Broken` where it ends a checkpoint of another state than that of the records before
        it, and `JournalError` where this version cannot read it.
        """
        event = record_of(line).event
        if line["seq"] == 1:
            self._state = State()
        if isinstance(event.data, Checkpoint):
            self._take_part(line["seq"], event.data)
        if self._state is not None:
            self._state = apply(self._state, event)
        else:
            self._since.append(event)

    def _take_part(self, seq: int, data: Checkpoint) -> None:
        if data.part == 1:
            self._begun, self._thawing, self._since = self._state, Thawing(), []
        if self._thawing is None:
            return  # its first parts were dropped
        try:
            self._thawing.add(data.state)
        except ValueError as error:
            raise JournalError(f"record {seq} is of a checkpoint that this version cannot read: {error}") from error
        if data.first:
            self._compare(seq, data, self._thawing.state())
            self._thawing = None

    def _compare(self, seq: int, data: Checkpoint, found: State) -> None:
        if self._begun is None:
            self.passed += 1
            self._state = fold(self._since, found)
        elif data.form != form():
            self.passed += 1
        elif found != self._begun:
            raise Broken(
                f"record {seq} ends a checkpoint of another state than that of the records before record {data.first}",
                seq=seq,
            )
        else:
            self.compared += 1
