"""The past of one query: which of its series were there at which instants."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from remediator.clients.query_range import Series
from remediator.core.model import Value
from remediator.sources.series import fingerprint_of


class Turn(Value, frozen=True):
    """A series comes or goes. One whose value is no finite number is there and says nothing: that is no turn."""

    at: datetime
    fingerprint: str
    labels: dict[str, str]
    present: bool


class History:
    """The turns of all series of a query, asked about every `step`."""

    def __init__(self, series: Iterable[Series], end: datetime, step: timedelta) -> None:
        self._turns: dict[str, list[Turn]] = {}
        for each in series:
            mark = fingerprint_of(each.labels)
            self._turns[mark] = list(_turns(mark, each, end, step))

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All of them, in their order in time."""
        found = (turn for turns in self._turns.values() for turn in turns)
        return tuple(sorted(found, key=lambda turn: (turn.at, turn.present, turn.fingerprint)))

    @property
    def fired(self) -> int:
        """How many series were there at any time."""
        return sum(bool(turns) for turns in self._turns.values())

    def holds(self, at: datetime, wanted: Mapping[str, str]) -> bool:
        """Whether a series with these labels was there at an instant."""
        return any(
            turns[0].labels.items() >= wanted.items() and _present(turns, at) for turns in self._turns.values() if turns
        )


def _present(turns: list[Turn], at: datetime) -> bool:
    place = bisect_right([turn.at for turn in turns], at)
    return place > 0 and turns[place - 1].present


def _turns(mark: str, series: Series, end: datetime, step: timedelta) -> Iterator[Turn]:
    present, last = False, 0.0
    for at, value in series.values:
        if present and at - last > 1.5 * step.total_seconds():
            yield Turn(_instant(last) + step, mark, series.labels, False)
            present = False
        if not present and math.isfinite(value):
            yield Turn(_instant(at), mark, series.labels, True)
            present = True
        last = at
    if present and _instant(last) + step <= end:
        yield Turn(_instant(last) + step, mark, series.labels, False)


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
