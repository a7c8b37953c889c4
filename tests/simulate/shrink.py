"""A failing scenario made small: what can be left out while the same promise is broken is left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from tests.simulate.run import Report, play
from tests.simulate.scenario import Scenario

T = TypeVar("T")

MOST_RUNS = 200
"""After so many the smallest one found so far has to do."""


class Shrinking:
    """The search for the smallest scenario that breaks one promise."""

    def __init__(self, report: Report, played: Callable[[Scenario], Report] = play, *, most: int = MOST_RUNS) -> None:
        self.report, self.promise, self.runs = report, report.violations[0].promise, 0
        self._play, self._most = played, most

    def shrink(self) -> Report:
        """The report of the smallest scenario that was found."""
        self._try(self._cut())
        size = -1
        while size != self._size and self.runs < self._most:
            size = self._size
            self._leave_out("happenings")
            self._leave_out("rules")
            self._leave_out("workloads")
        return self.report

    @property
    def _size(self) -> int:
        scenario = self.report.scenario
        return len(scenario.happenings) + len(scenario.rules) + len(scenario.workloads)

    def _cut(self) -> Scenario:
        """Nothing that happens after the violation matters."""
        scenario, at = self.report.scenario, self.report.violations[0].at
        happenings = tuple(each for each in scenario.happenings if each.at <= at)
        return replace(scenario, happenings=happenings, hours=min(scenario.hours, (at + 60) / 3600))

    def _leave_out(self, field: str) -> None:
        """Ever smaller pieces of a list, from its end: what comes late matters least."""
        size = len(getattr(self.report.scenario, field)) // 2 or 1
        while size:
            end = len(getattr(self.report.scenario, field))
            while end > 0 and self.runs < self._most:
                items: Sequence[object] = getattr(self.report.scenario, field)
                start = max(end - size, 0)
                self._try(replace(self.report.scenario, **{field: (*items[:start], *items[end:])}))
                end = start
            size //= 2

    def _try(self, scenario: Scenario) -> None:
        """Take a scenario over where it breaks the same promise."""
        self.runs += 1
        report = self._play(scenario)
        if report.violations and report.violations[0].promise == self.promise:
            self.report = report
