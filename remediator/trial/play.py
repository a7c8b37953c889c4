"""One trial, played: the world is built, the product set to work, time passes, and at its instants it is judged."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from remediator.config.trials import Trial
from remediator.core.model import Value
from remediator.narrate import narrate
from remediator.trial.alerting import Alerting
from remediator.trial.answers import Queries
from remediator.trial.changes import Changes
from remediator.trial.judgement import Difference, differences
from remediator.trial.stage import Stage, Unplayable

if TYPE_CHECKING:
    from remediator.config.expectation_shapes import ExpectShape

JUST_AFTER = 0.1
"""Seconds: what is due at an instant has happened when that is looked at, and what follows from it at once."""


class Moment(Value, frozen=True):
    """One line of the timeline: a journal record, in words."""

    at: float
    kind: str
    who: str
    text: str
    below: tuple[str, ...] = ()


class Disagreement(Value, frozen=True):
    """The differences at one instant of a trial, `at` so many seconds after its start, and the timeline up to it."""

    at: float
    differences: tuple[Difference, ...]
    timeline: tuple[Moment, ...]


class Result(Value, frozen=True):
    """What came of a trial. `queries` says who answered them, empty where none is asked; `unanswered` would have made a
    rule fire, and nobody answered them. `problems` are what kept it from being played as it is written.
    """

    file: str
    line: int
    name: str
    queries: str
    problems: tuple[str, ...]
    disagreements: tuple[Disagreement, ...]
    timeline: tuple[Moment, ...]
    unanswered: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.problems and not self.disagreements


def play(trial: Trial) -> Result:
    """Play a trial to its last expectation."""
    try:
        stage = Stage(trial)
    except Unplayable as error:
        return _unplayed(trial, error)
    try:
        alerting = Alerting(stage)
        queries = Queries(stage, alerting)
    except Unplayable as error:
        stage.close()
        return _unplayed(trial, error)
    try:
        return _judged(stage, alerting, queries)
    finally:
        queries.close()
        stage.close()


def _unplayed(trial: Trial, error: Unplayable) -> Result:
    return Result(trial.file, trial.line, trial.name, "", (str(error),), (), ())


def _judged(stage: Stage, alerting: Alerting, queries: Queries) -> Result:
    trial, found = stage.trial, list[Disagreement]()

    async def live() -> None:
        stage.begin(queries.ask, alerting.asked)
        alerting.begin()
        Changes(stage).begin()
        for expected in sorted(trial.says.expect, key=lambda each: each.at):
            await asyncio.sleep(expected.at + JUST_AFTER - stage.loop.time())
            found.extend(_disagreement(stage, expected))

    stage.loop.run_until_complete(live())
    way = queries.way if trial.asks else ""
    head = (trial.file, trial.line, trial.name, way)
    return Result(*head, tuple(stage.failures()), tuple(found), _timeline(stage), tuple(queries.unanswered))


def _disagreement(stage: Stage, expected: ExpectShape) -> list[Disagreement]:
    unlike = differences(stage, expected)
    return [Disagreement(expected.at, tuple(unlike), _timeline(stage))] if unlike else []


def _timeline(stage: Stage) -> tuple[Moment, ...]:
    moments = []
    for record in stage.records:
        line, event = narrate(record.event), record.event
        who = str(event.target or event.rule or "controller")
        moments.append(Moment(stage.seconds(event.time), line.word, who, line.text, line.below))
    return tuple(moments)
