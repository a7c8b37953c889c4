"""Prometheus as a test file gives it: the answer to each query of the rules, by its text. Nothing is evaluated here.

A query that the test does not answer is unknown. Where a rule was to go by it, the test fails: what nobody evaluated
proves nothing. A rule that it would only have made fire does not, and the report says so.
"""

from __future__ import annotations

from datetime import datetime

from remediator.clients.query_answer import Answer, Sample, Unknown, Vector
from remediator.config.matchers import parse_matchers
from remediator.config.trials import plain, queries_of
from remediator.core.durations import format_duration
from remediator.sources.inquiries import firing
from remediator.sources.measured import all_measured
from remediator.trial.alerting import Alerting
from remediator.trial.stage import Stage

WAY = "the answers that the test gives"

REMEDY = "give its answer under `answers`, or `input_series` and have `prometheus` on the PATH"


class Answers:
    """Answers by the entries of `answers`, about alerts that fire by those of the trial."""

    def __init__(self, stage: Stage, alerting: Alerting) -> None:
        trial = stage.trial
        self._stage, self._alerting = stage, alerting
        self._given = {plain(each.query): [] for each in trial.says.answers}
        for each in sorted(trial.says.answers, key=lambda each: each.at):
            self._given[plain(each.query)].append(each)
        asked = queries_of(trial.rules, trial.settings)
        self._asked = {plain(each) for each in asked.queries}
        self._alerts = {firing(text): parse_matchers(text) for text in asked.alerts}
        self._missed: set[str] = set()
        self._signals = {plain(rule.when.query) for rule in trial.rules if rule.when.query}
        self.unanswered: dict[str, None] = {}

    async def ask(self, query: str, at: datetime) -> Answer:
        """A `sources.measured.Ask`."""
        text = plain(query)
        if text in self._given:
            return self._answer(text, self._stage.seconds(at))
        if query in self._alerts:
            found = [labels for labels in self._alerting.firing if all(m.matches(labels) for m in self._alerts[query])]
            return Vector(tuple(Sample({"__name__": "ALERTS", **labels}, 1.0) for labels in found))
        if text in self._asked:
            self._miss(text, self._stage.seconds(at))
            return Unknown("the test gives no answer to this query", reached=True)
        return all_measured(query)

    def _answer(self, text: str, seconds: float) -> Answer:
        """The latest entry by then; before the first one there are no series."""
        entries = [each for each in self._given[text] if each.at <= seconds]
        if not entries:
            return Vector(())
        if entries[-1].unknown:
            return Unknown(entries[-1].unknown, reached=True)
        return Vector(tuple(Sample(each.labels, each.value) for each in entries[-1].samples))

    def _miss(self, text: str, seconds: float) -> None:
        if text in self._signals:
            self.unanswered[text] = None
        elif text not in self._missed:
            self._missed.add(text)
            self._stage.problems.append(f"at {format_duration(round(seconds))} `{text}` is asked: {REMEDY}")
