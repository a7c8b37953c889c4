"""Who answers the queries of a trial: Prometheus itself, or the answers that the test gives. Nothing is evaluated here.

A query that nobody answers is unknown. Where a rule was to go by it, the test fails: what nobody evaluated proves
nothing. A rule that it would only have made fire does not, and the report says so.
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
from remediator.trial.prometheus import PROGRAM, Prometheus, program
from remediator.trial.stage import Stage, Unplayable

GIVEN = "the answers that the test gives"

REMEDY = f"give its answer under `answers`, or `input_series` and have `{PROGRAM}` on the PATH"


class Queries:
    """The queries of a trial, answered. `way` says by whom; `unanswered` are those of signals that nobody answered.

    Raises `Unplayable` where the test has series alone, and nobody is there who could evaluate queries on them.
    """

    def __init__(self, stage: Stage, alerting: Alerting) -> None:
        says = stage.trial.says
        self._stage, self._alerting = stage, alerting
        asked = queries_of(stage.trial.rules, stage.trial.settings)
        self._known = {plain(each) for each in asked.queries}
        self._signals = {plain(rule.when.query) for rule in stage.trial.rules if rule.when.query}
        series = {each.series["__name__"] for each in says.input_series}
        self._alerts = {firing(text): parse_matchers(text) for text in asked.alerts if "ALERTS" not in series}
        self._missed: set[str] = set()
        self.unanswered: dict[str, None] = {}
        self._given = Given(stage)
        self._prometheus = self._started() if says.input_series else None
        self.way = self._prometheus.way if self._prometheus else GIVEN

    async def ask(self, query: str, at: datetime) -> Answer:
        """A `sources.measured.Ask`."""
        if query in self._alerts:
            return self._firing(query)
        if self._prometheus is not None:
            answer = self._prometheus.ask(query, at)
            if isinstance(answer, Unknown):
                self._miss(query, at, f"Prometheus has no answer: {answer.reason}")
            return answer
        given = self._given.answer(query, self._stage.seconds(at))
        if given is not None:
            return given
        if plain(query) not in self._known:
            return all_measured(query)
        if plain(query) in self._signals:
            self.unanswered[plain(query)] = None
        else:
            self._miss(query, at, REMEDY)
        return Unknown("the test gives no answer to this query", reached=True)

    def close(self) -> None:
        """End what was started for it."""
        if self._prometheus is not None:
            self._prometheus.close()

    def _started(self) -> Prometheus | None:
        """Prometheus with the series of the test; None where there is no such program and the test gives answers."""
        found = program()
        if found is not None:
            return Prometheus(found, self._stage.trial)
        if self._stage.trial.says.answers:
            return None
        raise Unplayable(
            f"input_series need Prometheus to evaluate queries on them: have `{PROGRAM}` on the PATH, or give `answers`"
        )

    def _firing(self, query: str) -> Vector:
        """What Prometheus would have as `ALERTS`: the alerts of the trial that fire."""
        matchers, found = self._alerts[query], self._alerting.firing
        fitting = (labels for labels in found if all(each.matches(labels) for each in matchers))
        return Vector(tuple(Sample({"__name__": "ALERTS", **labels}, 1.0) for labels in fitting))

    def _miss(self, query: str, at: datetime, why: str) -> None:
        """Say once of a query that it was asked in vain."""
        if plain(query) not in self._missed:
            self._missed.add(plain(query))
            when = format_duration(round(self._stage.seconds(at)))
            self._stage.problems.append(f"at {when} `{plain(query)}` is asked: {why}")


class Given:
    """The entries of `answers`, by the text of their queries."""

    def __init__(self, stage: Stage) -> None:
        answers = stage.trial.says.answers
        self._entries = {plain(each.query): [] for each in answers}
        for each in sorted(answers, key=lambda each: each.at):
            self._entries[plain(each.query)].append(each)

    def answer(self, query: str, seconds: float) -> Answer | None:
        """The latest entry by then, before the first one no series; None where there is none for the query."""
        entries = self._entries.get(plain(query))
        if entries is None:
            return None
        begun = [each for each in entries if each.at <= seconds]
        if not begun:
            return Vector(())
        if begun[-1].unknown:
            return Unknown(begun[-1].unknown, reached=True)
        return Vector(tuple(Sample(each.labels, each.value) for each in begun[-1].samples))
