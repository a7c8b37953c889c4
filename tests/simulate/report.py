"""What many runs came to, in figures: time simulated, trouble made, judgements given, promises broken."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from tests.simulate.run import Report

KINDS: dict[str, tuple[str, ...]] = {
    "crash between any two steps": ("crashes",),
    "alerts lost": ("payloads dropped", "road blocked", "answers to payloads lost"),
    "alerts doubled": ("payloads doubled", "alertmanagers part"),
    "alerts reordered": ("payloads overtaken",),
    "alerts late": ("payloads late",),
    "409": ("api server: conflict",),
    "429": ("api server: throttled",),
    "500": ("api server: error",),
    "time-out after success": ("api server: lost_answer",),
    "stale cache": ("api server: stale", "watches silent"),
    "paused leader, a second one active": ("paused leaders that woke beside another",),
    "clock jump": ("clock jumps",),
    "third party that reverts": ("third party reverts",),
    "data gap": ("data gaps", "scrapes stop"),
}
"""What must go wrong in every long run, and under which names it is counted."""


class Totals:
    """The sums over all runs."""

    def __init__(self) -> None:
        self.broken = self.steps = 0
        self.seeds: list[int] = []
        self._heads = hashlib.sha256()
        self.hours = self.incident_hours = self.took = 0.0
        self.faults: Counter[str] = Counter()
        self.checked: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    @property
    def runs(self) -> int:
        """How many there were."""
        return len(self.seeds)

    def add(self, report: Report, took: float = 0.0) -> None:
        """Take one run in, which took so many seconds of a core."""
        self.seeds.append(report.scenario.seed)
        self.took += took
        self.broken += bool(report.violations)
        self.steps += report.steps
        self._heads.update(report.head.encode())
        self.hours += report.hours
        self.incident_hours += report.incident_hours
        self.faults += report.faults
        self.checked += report.checked
        self.counts += report.counts

    def kinds(self) -> Counter[str]:
        """The faults by what they stand for."""
        return Counter({kind: sum(self.faults[name] for name in names) for kind, names in KINDS.items()})

    def lines(self, took: float) -> Iterator[str]:
        """The report; `took` in seconds of the machine's time."""
        yield from _table("what happened", self.counts)
        yield from _table("faults injected", self.faults)
        yield from _table("faults by kind", self.kinds())
        yield from _table("invariants checked", self.checked)
        yield f"{self.runs} runs, {self.hours:,.0f} simulated hours, {self.incident_hours:,.0f} incident-hours"
        yield f"{self.steps:,} steps, {sum(self.faults.values()):,} faults, {sum(self.checked.values()):,} checks"
        yield (
            f"{took:,.1f} s: {self.hours / took:,.1f} simulated hours and {self.incident_hours / took:,.1f} "
            "incident-hours a second"
        )
        if self.took:
            each = 60 * self.incident_hours / self.took
            yield f"{self.took:,.1f} s of a core: {each:,.0f} incident-hours in a minute of one"
        yield f"seeds {', '.join(_spans(self.seeds))}"
        yield f"the journals' ends together: {self._heads.hexdigest()}"
        yield f"{self.broken} runs broke a promise" if self.broken else "0 violations"


def _table(title: str, counter: Counter[str]) -> Iterator[str]:
    yield f"{title}:"
    for name, count in sorted(counter.items()):
        yield f"  {count:10,}  {name}"
    yield ""


def _spans(seeds: list[int]) -> Iterator[str]:
    """Seeds in order, what follows on each other as `3-7`."""
    for _, group in groupby(enumerate(sorted(seeds)), lambda each: each[1] - each[0]):
        numbers = [number for _, number in group]
        yield str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"
