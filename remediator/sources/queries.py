"""From PromQL on a schedule to the loop: each series of a good answer is a signal, each one missing an end of it.

Equal queries are asked once a tick, all of a tick as of one instant. An answer that is unknown shows nothing: what was
seen before neither acts nor clears until the query has answered well twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from remediator import metrics
from remediator.clients.query_answer import Answer, Sample, Scalar, Unknown, Vector
from remediator.core.model import Value
from remediator.core.observations import Asked, Light, Sighting
from remediator.core.rules import Rule
from remediator.core.state import Incident, State
from remediator.logs import logger
from remediator.ports import Clock, Cluster
from remediator.sources.measured import Ask, unmeasured
from remediator.sources.series import SOURCE, Seen, fingerprint_of, sightings_of
from remediator.sources.timetable import Schedule, Slot, Timetable, slot_of

log = logger("queries")

AT_ONCE = 8
"""Queries under way at once: a server has room for 20, and is asked by others too."""

GOOD = 2
"""Good answers in a row until absence is believed: after an outage the first may come before the first scrape. After
one they must have come for as long as the rule's `for`, too.
"""

EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass
class Asking:
    """One query: the rules that wait for it, good answers in a row, and the series that are present."""

    rules: tuple[Rule, ...] = ()
    good: int = 0
    good_since: datetime | None = EARLIEST
    begun: bool = False
    seen: dict[str, Seen] = field(default_factory=dict)


class Queries:
    """Asks what the rules in force want to know. `every` is the interval, in seconds, of rules that name none."""

    def __init__(
        self,
        ask: Ask,
        cluster: Cluster,
        clock: Clock,
        state: Callable[[], State],
        bring: Callable[[Asked], Awaitable[None]],
        every: float = 30.0,
        timetable: Timetable | None = None,
    ) -> None:
        self._ask, self._cluster, self._clock, self._state, self._bring = ask, cluster, clock, state, bring
        self._every, self._timetable = every, timetable or Schedule(clock)
        self._slots: dict[Slot, dict[str, Asking]] = {}
        self._due: asyncio.Queue[Slot] = asyncio.Queue()
        self._running: set[Slot] = set()
        self._asked_at: dict[Slot, datetime] = {}
        self._places = asyncio.Semaphore(AT_ONCE)
        self._open: tuple[State | None, dict[str, list[_Open]]] = (None, {})

    async def run(self) -> None:
        """Work until cancelled."""
        self.follow()
        try:
            async with asyncio.TaskGroup() as ticks:
                while True:
                    slot = await self._due.get()
                    if slot in self._running:
                        self._count_missed(slot, self._clock.now(), skipped=1)
                        continue
                    self._running.add(slot)
                    ticks.create_task(self.tick(slot))
        finally:
            self._timetable.end()

    def follow(self) -> None:
        """Ask what the rules want to know that are in force now; what is known of queries that stay is kept."""
        before = {(slot, query): asking for slot, queries in self._slots.items() for query, asking in queries.items()}
        waiting: dict[tuple[Slot, str], list[Rule]] = {}
        for rule in sorted(self._state().rules.values(), key=lambda rule: rule.name):
            if rule.when.query:
                slot = slot_of(rule.when.query, rule.interval or self._every)
                waiting.setdefault((slot, rule.when.query), []).append(rule)
        self._slots = {}
        for (slot, query), rules in waiting.items():
            asking = before.get((slot, query)) or Asking()
            asking.rules = tuple(rules)
            self._slots.setdefault(slot, {})[query] = asking
        self._asked_at = {slot: at for slot, at in self._asked_at.items() if slot in self._slots}
        if self._slots or before:
            self._timetable.follow(self._slots.keys(), self._due.put_nowait)

    async def tick(self, slot: Slot) -> None:
        """Ask each query of a slot once, all as of now, and bring what is new."""
        self._running.add(slot)
        try:
            at = self._clock.now()
            due = at - timedelta(seconds=slot.late(at.timestamp()))
            self._count_missed(slot, at)
            queries = self._slots.get(slot, {})
            reached = await asyncio.gather(*(self._one(query, each, at, due) for query, each in queries.items()))
            down = [answer for answer in reached if isinstance(answer, Unknown) and not answer.reached]
            if reached:
                all_down = len(down) == len(reached)
                await self._say((Light(not all_down, reason=down[0].reason if all_down else ""),), ())
        finally:
            self._running.discard(slot)

    async def tick_all(self) -> None:
        """All slots now, one after the other."""
        for slot in sorted(self._slots):
            await self.tick(slot)

    def with_value(self, incident: Incident) -> Incident:
        """The incident with the value that its first series has now; without one where that is not known."""
        rule = incident.definition
        if not rule.when.query:
            return incident
        asking = self._slots.get(slot_of(rule.when.query, rule.interval or self._every), {}).get(rule.when.query)
        seen = asking.seen.get(fingerprint_of(incident.labels)) if asking and asking.good else None
        return replace(incident, value=seen.value if seen else None)

    async def _one(self, query: str, asking: Asking, at: datetime, due: datetime) -> Answer:
        """Ask one query and bring what its answer means for each of its rules."""
        async with self._places:
            began = time.perf_counter()
            metrics.RULE_DELAY.observe((self._clock.now() - due).total_seconds())
            answer = _of_series(await self._ask(query, at))
        try:
            await self._conclude(asking, answer, at)
        except Exception as error:  # one answer that breaks our code must not keep the others from being asked
            log.error("answer not understood", query=query, problem=f"{type(error).__name__}: {error}")
        metrics.EVALUATION_SECONDS.observe(time.perf_counter() - began)
        return answer

    async def _conclude(self, asking: Asking, answer: Answer, at: datetime) -> None:
        if not isinstance(answer, Vector):
            reason = answer.reason if isinstance(answer, Unknown) else ""
            asking.good, asking.good_since = 0, None
            return await self._say(tuple(Light(False, rule.name, reason) for rule in asking.rules), ())
        blank, asking.begun = not asking.begun, True
        asking.good_since = asking.good_since or at
        asking.good = min(asking.good + 1, GOOD)
        present = {fingerprint_of(sample.labels): sample for sample in answer.samples}
        asking.seen = _kept(asking, present, at)
        for rule in asking.rules:
            lit = asking.good >= GOOD and (at - asking.good_since).total_seconds() >= rule.when.for_
            absent = await self._absent(rule, present, at) if lit else ()
            firing = await sightings_of(self._cluster, self._state(), rule, present, asking.seen, at, blank=blank)
            if self._state().rules.get(rule.name) == rule:  # it may have changed meanwhile
                lights = (Light(True, rule.name),) if lit else ()
                await self._say(lights, (*absent, *firing))
        return None

    async def _say(self, lights: tuple[Light, ...], sightings: Iterable[Sighting]) -> None:
        """Bring what changes anything; most answers are those of the tick before."""
        state, sightings = self._state(), tuple(sightings)
        dark = tuple(light for light in lights if light.up is (f"{SOURCE}|{light.rule}" in state.dark))
        if dark or sightings:
            await self._bring(Asked(SOURCE, dark, sightings))

    async def _absent(self, rule: Rule, present: dict[str, Sample], at: datetime) -> tuple[Sighting, ...]:
        """The ends of all signals of a rule whose series are not there, and doubts of those that nobody measures at
        present. A series without a known value is there.
        """
        gone = self._gone(rule, present)
        if not gone:
            return ()
        labels, interval = [each.labels for each in gone], rule.interval or self._every
        async with self._places:
            reasons = await unmeasured(self._ask, rule.when.query, labels, at, interval)
        return tuple(
            _end(rule, each, why)
            for each, why in zip(gone, reasons, strict=True)
            if not why or (each.labels and why != each.doubt)
        )

    def _gone(self, rule: Rule, present: dict[str, Sample]) -> list[_Open]:
        state = self._state()
        if self._open[0] is not state:
            self._open = state, _open_signals(state)
        ended = [each for each in self._open[1].get(rule.name, ()) if each.fingerprint not in present]
        return sorted(ended, key=lambda each: each.fingerprint)

    def _count_missed(self, slot: Slot, at: datetime, skipped: int = 0) -> None:
        """Count the ticks that should have been between the last one and this one, and this one where skipped."""
        metrics.RULE_MISSED.inc(skipped * self._rules_in(slot))
        last = self._asked_at.get(slot)
        if last is not None:
            missed = round((at - last).total_seconds() / slot.interval) - 1
            metrics.RULE_MISSED.inc(max(0, missed) * self._rules_in(slot))
        self._asked_at[slot] = at

    def _rules_in(self, slot: Slot) -> int:
        return sum(len(asking.rules) for asking in self._slots.get(slot, {}).values())


class _Open(Value, frozen=True):
    """A signal that is not over yet, of a rule's incident or of none (without labels); `doubt` is why it is not known
    whether it is.
    """

    fingerprint: str
    labels: dict[str, str]
    doubt: str = ""


def _end(rule: Rule, gone: _Open, doubt: str) -> Sighting:
    """The end of a signal, or that it is in doubt."""
    status = "doubted" if doubt else "resolved"
    return Sighting(SOURCE, status, rule.name, gone.fingerprint, gone.labels, reason=doubt)


def _of_series(answer: Answer) -> Answer:
    """The answer as a rule needs it: series."""
    if isinstance(answer, Scalar):
        return Unknown("the result is one number without labels: write vector(…), or ask for series", reached=True)
    return answer


def _kept(asking: Asking, present: dict[str, Sample], at: datetime) -> dict[str, Seen]:
    """What is remembered of series: those present, and those whose absence is not believed yet."""
    seen = {} if asking.good >= GOOD else dict(asking.seen)
    for fingerprint, sample in present.items():
        before = asking.seen.get(fingerprint) or Seen(at)
        seen[fingerprint] = replace(before, value=sample.value if sample.known else None)
    return seen


def _open_signals(state: State) -> dict[str, list[_Open]]:
    """The signals that are not over, by rule: those of incidents, and those that belong to none."""
    found: dict[str, list[_Open]] = {}
    for incident in state.incidents.values():
        for seen in incident.signals:
            if not seen.resolved and incident.definition.when.query:
                found.setdefault(incident.definition.name, []).append(_Open(seen.fingerprint, seen.labels, seen.doubt))
    for key in state.noted:
        rule, _, fingerprint = key.rpartition("|")
        if rule in state.rules and state.rules[rule].when.query:
            found.setdefault(rule, []).append(_Open(fingerprint, {}))
    return found
