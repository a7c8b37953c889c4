"""What a query does not know neither acts nor clears: each signal of a series stands on answers that were given."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from remediator.clients.query_answer import Answer, Vector
from remediator.core.events import Event, IncidentOpened, Intent, Record, Signal
from remediator.core.rules import Rule
from remediator.sources.series import SOURCE, fingerprint_of
from tests.simulate.promises.limits import said
from tests.simulate.promises.promise import Promise

SOON = timedelta(seconds=15)
"""How long an answer may be on its way into a decision."""


OLD = timedelta(seconds=80)
"""How old an answer may be on which a write stands: a look takes at most a minute and is used within ten seconds."""

LATE = timedelta(seconds=15)
"""By how much an answer, and the record that it leads to, may be late or early."""

MOST = 50


class Asked(Promise):
    """Promise 1, for the queries of rules: judged by the last two answers that each process was given."""

    def __init__(self, oracle: Any) -> None:
        super().__init__(oracle)
        self._answers: dict[tuple[str, str], tuple[Answer | None, Answer | None]] = {}
        self._dark: dict[tuple[str, str], datetime] = {}
        self._given: dict[tuple[str, str], list[tuple[datetime, Answer]]] = {}
        self._process = ""

    def on_answer(self, process: str, query: str, answer: Answer) -> None:
        """Remember it, and the one before."""
        before = self._answers.get((process, query), (None, None))[1]
        now = self.oracle.world.clock.now()
        given = [one for one in self._given.get((process, query), ()) if one[0] >= now - OLD]
        self._given[process, query] = [*given, (now, answer)][-MOST:]
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
        if rule is not None and isinstance(data, Intent):
            self._demand_gates(rule, event, data)
        if rule is None or not rule.when.query:
            return
        before, last = self._answers.get((self._process, rule.when.query), (None, None))
        if isinstance(data, Signal) and data.source == SOURCE and data.status == "firing":
            shown = any(data.fingerprint in _series(answer, known=True) for answer in (before, last))
            self.check("a series fires that was shown", shown, f"{event.rule}: {data.labels} after {last}")
        if isinstance(data, Signal) and data.source == SOURCE and data.status == "resolved":
            sure = isinstance(before, Vector) and isinstance(last, Vector) and data.fingerprint not in _series(last)
            self.check("a series is gone when two good answers lack it", sure, f"{event.rule}: {data.labels}")
            if event.incident and data.labels:
                missed = self.oracle.scrapes.missed_at
                steady = timedelta(seconds=3 * (rule.interval or 30.0)) - LATE
                measured = missed is None or self.oracle.world.clock.now() - missed >= steady
                self.check("a series is gone where it is measured", measured, f"{event.rule}: {data.labels}")
        if isinstance(data, Intent) and data.part <= 1:
            since = self._dark.get((self._process, rule.when.query))
            dark = since is not None and self.oracle.world.clock.now() - since > SOON
            known = last is not None and not dark
            self.check("no act where a query is unknown", known, f"{data.id} of {event.rule} after {last}")

    def _demand_gates(self, rule: Rule, event: Event, data: Intent) -> None:
        """What is asked for a write was answered just before, and as it must be: nothing unknown lets it through."""
        for query in (each for level in said(self.history, rule.name, "require") for each in level):
            self.check("what is required is so", self._holds(query, {}, wanted=True), f"{data.id}: {query}")
        for query in (each for level in said(self.history, rule.name, "veto") for each in level.queries):
            self.check("what must not be is not so", self._holds(query, {}, wanted=False), f"{data.id}: {query}")
        opened = self.history.stories[event.incident].last(IncidentOpened)
        labels = opened.data.labels if opened else {}
        for asked in rule.queries:
            wanted = {name: labels.get(name, "") for name in asked.match}
            self.check(
                "a condition by query holds", self._holds(asked.query, wanted, wanted=True), f"{data.id}: {asked}"
            )

    def _holds(self, query: str, labels: dict[str, str], *, wanted: bool) -> bool:
        """Whether one of the last two answers is known, fresh and as it must be."""
        since = self.oracle.world.clock.now() - OLD
        answers = [(at, answer) for at, answer in self._given.get((self._process, query), ()) if at >= since]
        return any(
            isinstance(answer, Vector)
            and any(each.known and labels.items() <= each.labels.items() for each in answer.samples) is wanted
            and (wanted or not answer.samples)
            for _, answer in answers
        )


def _series(answer: Answer | None, *, known: bool = False) -> frozenset[str]:
    """The fingerprints of what an answer shows; `known`: only where it has a value."""
    if not isinstance(answer, Vector):
        return frozenset()
    return frozenset(fingerprint_of(sample.labels) for sample in answer.samples if sample.known or not known)
