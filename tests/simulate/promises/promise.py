"""What a promise is to the oracle: a judge that is told of everything, and that says what breaks it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from remediator.clients.query_answer import Answer
from remediator.core.events import Record
from remediator.core.model import Change
from remediator.ports import Delivery
from remediator.simulation.alertmanager import Peer
from remediator.simulation.audit import Entry
from tests.simulate.history import Effect, History

if TYPE_CHECKING:
    from tests.simulate.oracle import Oracle


class Promise:
    """One promise. Each hook is called as its thing happens; records before the history knows of them."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle

    @property
    def history(self) -> History:
        """The journal and the audit so far."""
        return self.oracle.history

    def check(self, name: str, holds: bool, what: str) -> None:
        """Count one judgement, and note a violation where it does not hold."""
        self.oracle.checked[name] += 1
        if not holds:
            self.oracle.violated(name, what)

    def on_send(self, process: str, change: Change) -> None:
        """A process is about to send a write."""

    def on_effect(self, effect: Effect) -> None:
        """The API server has carried out a write of ours."""

    def on_refused(self, entry: Entry) -> None:
        """The API server has answered a dry run of ours, or refused a write."""

    def before(self, process: str, records: Sequence[Record]) -> None:
        """Records have become durable together."""

    def on_record(self, record: Record) -> None:
        """A record has become durable; the history does not know it yet."""

    def on_accepted(self, body: bytes) -> None:
        """A payload was answered with 2xx."""

    def on_consumed(self, receipt: int, body: bytes) -> None:
        """A payload's receipt is gone, with records that the history knows."""

    def after(self, process: str, records: Sequence[Record]) -> None:
        """The history knows the records."""

    def on_answer(self, process: str, query: str, answer: Answer) -> None:
        """A query was answered, or the time for it is over."""

    def on_held(self, process: str, place: int, alertmanager: Peer) -> None:
        """One of the Alertmanagers has told a process which alerts it holds."""

    def on_telling(self, process: str, delivery: Delivery) -> None:
        """A process sends a message to a person."""

    def on_delivered(self, delivery: Delivery) -> None:
        """A person was told."""

    def at_end(self) -> None:
        """The run is over."""
