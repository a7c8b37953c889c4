"""What a query does not know neither acts nor clears: each signal of a series stands on answers that were given."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from remediator.clients.query_answer import Answer, Vector
from remediator.core.events import Intent, Record, Signal
from remediator.sources.series import SOURCE, fingerprint_of
from tests.simulate.promises.promise import Promise

SOON = timedelta(seconds=15)
"""How long an answer may be on its way into a decision."""


class Asked(Promise):
    """Promise 1, for the queries of rules: judged by the last two answers that each process was given."""

    def __init__(self, oracle: Any) -> None:
        super().__init__(oracle)
        self._answers: dict[tuple[str, str], tuple[Answer | None, Answer | None]] = {}
        self._dark: dict[tuple[str, str], datetime] = {}
        self._process = ""

    def on_answer(self, process: str, query: str, answer: Answer) -> None:
        """Remember it, and the one before."""
        before = self._answers.get((process, query), (None, None))[1]
        self._answers[process, query] = before, answer
        if isinstance(answer, Vector):
            self._dark.pop((process, query), None)
        else:
            self._dark.setdefault((process, query), self.oracle.world.clock.now())

    def before(self, process: str, records: object) -> None:
        """Whose records these are."""
        self._process = process

    def on_record(self, record: Record) -> None:
        """Look at signals of series, and at intents of rules that ask."""
        event, data = record.event, record.event.data
        rule = self.history.rules.get(event.rule)
        if rule is None or not rule.when.query:
            return
        before, last = self._answers.get((self._process, rule.when.query), (None, None))
        if isinstance(data, Signal) and data.source == SOURCE and data.status == "firing":
            shown = any(data.fingerprint in _series(answer, known=True) for answer in (before, last))
            self.check("a series fires that was shown", shown, f"{event.rule}: {data.labels} after {last}")
        if isinstance(data, Signal) and data.source == SOURCE and data.status == "resolved":
            sure = isinstance(before, Vector) and isinstance(last, Vector) and data.fingerprint not in _series(last)
            self.check("a series is gone when two good answers lack it", sure, f"{event.rule}: {data.labels}")
        if isinstance(data, Intent) and data.part <= 1:
            since = self._dark.get((self._process, rule.when.query))
            dark = since is not None and self.oracle.world.clock.now() - since > SOON
            known = last is not None and not dark
            self.check("no act where a query is unknown", known, f"{data.id} of {event.rule} after {last}")


def _series(answer: Answer | None, *, known: bool = False) -> frozenset[str]:
    """The fingerprints of what an answer shows; `known`: only where it has a value."""
    if not isinstance(answer, Vector):
        return frozenset()
    return frozenset(fingerprint_of(sample.labels) for sample in answer.samples if sample.known or not known)
