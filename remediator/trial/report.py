"""What came of trials, for people: a line each, and of one that failed the timeline with what differs from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remediator.core.durations import format_duration
from remediator.core.text import printable
from remediator.trial.judgement import Difference
from remediator.trial.play import Disagreement, Moment, Result

Styled = tuple[str, str]
"""A line, and how it is to be shown."""

STYLES = {"-": "red", "+": "green"}


def lines_of(results: Sequence[Result], *, verbose: bool = False) -> Iterator[Styled]:
    """The report of all trials, in their order; with `verbose` the timeline of those that passed, too."""
    for result in results:
        way = f"  ({result.queries})" if result.queries else ""
        yield (
            f"{'ok  ' if result.passed else 'FAIL'} {result.file}:{result.line} {result.name}{way}",
            ("green" if result.passed else "bold red"),
        )
        yield from ((f"     {printable(problem)}", "red") for problem in result.problems)
        if verbose or not result.passed:
            yield from (
                (f"     not answered, so its rule cannot fire: `{each}`", "yellow") for each in result.unanswered
            )
        for each in result.disagreements:
            yield from _disagreement(each)
        if (verbose or result.problems) and not result.disagreements:
            yield from (_moment(moment) for moment in result.timeline)


def summary_of(results: Sequence[Result]) -> str:
    """How many passed, and how queries were answered."""
    failed = sum(1 for each in results if not each.passed)
    ways = sorted({each.queries for each in results if each.queries})
    told = f"; queries: {', '.join(ways)}" if ways else ""
    missing = len({query for each in results for query in each.unanswered})
    rest = f"; {missing} queries of rules answered by nobody" if missing else ""
    return f"{len(results) - failed} passed, {failed} failed{told}{rest}"


def _disagreement(found: Disagreement) -> Iterator[Styled]:
    """The timeline, with what is missing (-) and what was not expected (+) where it belongs."""
    yield f"     at {format_duration(found.at)}: - expected, + got", "bold"
    waiting = list(found.differences)
    for place, moment in enumerate(found.timeline):
        yield _moment(moment)
        while waiting and waiting[0].place <= place:
            yield _difference(waiting.pop(0))
    yield from map(_difference, waiting)


def _moment(moment: Moment) -> Styled:
    return f"       {_clock(moment.at):<9} {moment.kind:<10} {moment.who}: {moment.text}", "dim"


def _difference(each: Difference) -> Styled:
    when = _clock(each.at) if each.at is not None else ""
    return f"     {each.sign} {when:<9} {each.kind:<10} {printable(each.text)}", STYLES[each.sign]


def _clock(seconds: float) -> str:
    return format_duration(round(max(seconds, 0.0), 1))
