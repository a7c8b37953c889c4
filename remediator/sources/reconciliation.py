"""Reconciliation: what Alertmanager holds, compared on a schedule with what the journal believes.

A webhook is a hint that may be lost, cut off or late, and none comes of what is silenced. So all alerts are asked for
every `interval`: firing ones that no webhook brought are seen, those that are gone end, once it is sure that they are.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from remediator.clients.alertmanager_api import Held, Holding, Unanswered, merged
from remediator.core.model import Json
from remediator.core.observations import Asked, Light, Sighting
from remediator.core.state import Incident, SeenSignal, State, dark_key, told_key
from remediator.logs import logger
from remediator.ports import Clock, Cluster, ClusterError, Unavailable
from remediator.sources.alerts import SOURCE, Doubt, believing, sightings_of
from remediator.sources.fresh import Fresh
from remediator.sources.reads import Reader

log = logger("reconciliation")

GOOD = 3
"""Answers in a row until the absence of an alert is believed, of one run of Alertmanager: each begins empty."""

SHARED = 15.0
"""Seconds for which one answer serves all looks that are held back anyway: about one look of each of them."""

FRESH = 1.0
"""Seconds for which one answer serves all who are about to write."""

_QUOTED = re.compile(r"\\([\\.+*?()|\[\]{}^$])")

Key = tuple[str, str]
"""A rule's name and a fingerprint."""


class Holder(Protocol):
    """An Alertmanager, as far as it is asked which alerts it holds."""

    async def holding(self) -> Holding:
        """What it holds now. Raises `Unanswered`."""
        ...


@dataclass(frozen=True)
class Alerting:
    """Who is asked about alerts: Alertmanagers of one cluster every `interval` seconds, and who `doubt`s an end.

    `receiver` is the one of theirs that posts here; empty: those that were heard of since the start.
    """

    alertmanagers: tuple[Holder, ...] = ()
    doubt: Doubt = believing
    interval: float = 60.0
    receiver: str = ""


class Reconciliation:
    """Compares. Without any Alertmanager only those ends are asked about again that were in doubt."""

    def __init__(
        self,
        alerting: Alerting,
        cluster: Reader,
        clock: Clock,
        state: Callable[[], State],
        bring: Callable[[Asked], Awaitable[None]],
    ) -> None:
        self._alerting, self._cluster, self._clock = alerting, cluster, clock
        self._state, self._bring = state, bring
        self._receivers = {alerting.receiver} if alerting.receiver else set[str]()
        self._held = Fresh(self._ask, SHARED)
        self._missing: dict[Key, int] = {}
        self._lives: tuple[str, ...] = ()

    async def run(self) -> None:
        """Work until cancelled; once where there is nobody to ask."""
        asks = self._alerting.alertmanagers or self._alerting.doubt is not believing
        while True:
            try:
                await self.tick()
            except ClusterError as error:
                log.warning("targets of alerts cannot be read; trying again", problem=str(error))
            except Exception as error:  # one alert that breaks our code must not end the comparison of all others
                log.error("not understood", problem=f"{type(error).__name__}: {error}")
            if not asks:
                return
            await self._clock.sleep(self._alerting.interval)

    def heard(self, receiver: str) -> None:
        """A webhook of this receiver came: what is routed to it is meant for us. Its name comes quoted as a regexp."""
        if not self._alerting.receiver and receiver:
            self._receivers.add(_QUOTED.sub(r"\1", receiver))

    async def tick(self) -> None:
        """Ask once and bring what is new."""
        if not self._alerting.alertmanagers:
            again = [await self._end(*each) for each in _doubted(self._state())]
            return await self._tell(_lights(self._state(), up=True), again)
        try:
            holding = await self._held.get(0.0)  # what comes every `interval` is never one answer counted twice
        except Unanswered as error:
            self._missing.clear()
            return await self._tell(_lights(self._state(), up=False, reason=str(error)), ())
        if holding.lives != self._lives:
            self._missing.clear()
            self._lives = holding.lives
        firing = await self._firing(holding)
        ended = [await self._end(*each) for each in self._gone(holding)]
        return await self._tell(_lights(self._state(), up=True), (*firing, *ended))

    async def silences(self, cluster: Cluster, state: State, incident: Incident, live: Json) -> tuple[str, ...]:
        """What keeps hands off an incident by Alertmanager's word, as in `Surroundings`. Raises `Unavailable`.

        Asked once in `SHARED` seconds, however many incidents are looked at meanwhile: enough to hold one back, never
        to let a write go. For that, `silences_now` is asked. That its alerts are not there is believed of an answer
        alone that was asked for after they began to fire. It says nothing where our own writes may have ended them, as
        a cordon does with most.
        """
        return await self._silences(incident, SHARED)

    async def silences_now(self, cluster: Cluster, state: State, incident: Incident, live: Json) -> tuple[str, ...]:
        """The same by an answer that was asked for at most `FRESH` seconds ago: a write may rest on it."""
        return await self._silences(incident, FRESH)

    async def _silences(self, incident: Incident, age: float) -> tuple[str, ...]:
        if not self._alerting.alertmanagers:
            return ()
        standing = [each for each in incident.signals if not each.resolved]
        try:
            found = await self._held_of(standing, age)
            if not found:  # an answer from before they fired cannot have them
                fired = (self._clock.now() - incident.since).total_seconds()
                found = await self._held_of(standing, min(max(fired, 0.0), age))
        except Unanswered as error:
            raise Unavailable(f"Alertmanager cannot be asked: {error}") from error
        if not found and not incident.silences_itself:
            return (f"Alertmanager holds none of the {len(standing)} alerts of it at present",)
        return tuple(f"{_name(each)} is {_why(held)}" for each, held in found if not held.told)

    async def _held_of(self, standing: Sequence[SeenSignal], age: float) -> list[tuple[SeenSignal, Held]]:
        """Those of an incident's alerts that Alertmanager holds, by an answer of at most that age in seconds."""
        alerts = (await self._held.get(age)).alerts
        return [(each, alerts[each.fingerprint]) for each in standing if each.fingerprint in alerts]

    async def _ask(self) -> Holding:
        """What all Alertmanagers hold that answer. Raises `Unanswered` where none does."""
        found = await asyncio.gather(*(_answer(each) for each in self._alerting.alertmanagers))
        holdings = [each for each in found if isinstance(each, Holding)]
        problems = [each for each in found if isinstance(each, Unanswered)]
        if problems and not holdings:
            raise problems[0]
        return merged(holdings, whole=not problems)

    async def _firing(self, holding: Holding) -> list[Sighting]:
        """What fires and the journal does not say: alerts that we are told of, and what was in doubt and is there."""
        state = self._state()
        doubted = {seen.fingerprint for _, seen in _doubted(state)}
        ours = {fingerprint for fingerprint, held in holding.alerts.items() if self._is_ours(held)}
        alerts = [held.alert for fingerprint, held in holding.alerts.items() if fingerprint in ours | doubted]
        found = await sightings_of(self._cluster, state, alerts)
        return [each for each in found if self._is_news(each, ours)]

    def _is_ours(self, held: Held) -> bool:
        """Whether we are told of it: what is suppressed, or routed to others only, opens nothing."""
        return held.told and not self._receivers.isdisjoint(held.receivers)

    def _is_news(self, sighting: Sighting, ours: set[str]) -> bool:
        """Whether the journal does not say that already."""
        state, key = self._state(), told_key(sighting.rule, sighting.fingerprint)
        if key in state.told:
            return _is_doubted(state, sighting)
        return key not in state.noted and sighting.fingerprint in ours

    def _gone(self, holding: Holding) -> Iterator[tuple[Incident, SeenSignal]]:
        """The signals whose absence is believed now."""
        missing = {
            (incident.definition.name, seen.fingerprint): (incident, seen)
            for incident, seen in _standing(self._state())
            if seen.fingerprint not in holding.alerts
        }
        if not holding.whole:
            return self._missing.clear()
        self._missing = {key: min(self._missing.get(key, 0) + 1, GOOD) for key in missing}
        yield from (found for key, found in missing.items() if self._missing[key] >= GOOD)
        return None

    async def _end(self, incident: Incident, seen: SeenSignal) -> Sighting:
        """The end of a signal, or that it is in doubt."""
        reason = await self._alerting.doubt(seen.labels)
        status, rule = "doubted" if reason else "resolved", incident.definition.name
        return Sighting(SOURCE, status, rule, seen.fingerprint, seen.labels, starts_at=seen.starts_at, reason=reason)

    async def _tell(self, lights: tuple[Light, ...], sightings: Sequence[Sighting]) -> None:
        """Bring what changes anything; most answers are those of the tick before."""
        if lights or sightings:
            await self._bring(Asked(SOURCE, lights, tuple(sightings)))


async def _answer(holder: Holder) -> Holding | Unanswered:
    """What one of them holds, or why it is not known: the others answer all the same."""
    try:
        return await holder.holding()
    except Unanswered as problem:
        return problem


def _standing(state: State) -> Iterator[tuple[Incident, SeenSignal]]:
    """All signals of alerts that are not over, with their incidents."""
    for incident in state.incidents.values():
        if incident.definition.when.alert:
            yield from ((incident, seen) for seen in incident.signals if not seen.resolved)


def _doubted(state: State) -> list[tuple[Incident, SeenSignal]]:
    return [(incident, seen) for incident, seen in _standing(state) if seen.doubt]


def _is_doubted(state: State, sighting: Sighting) -> bool:
    incident = state.incidents.get(state.told.get(told_key(sighting.rule, sighting.fingerprint), ""))
    return incident is not None and any(
        seen.doubt and seen.fingerprint == sighting.fingerprint for seen in incident.signals
    )


def _lights(state: State, *, up: bool, reason: str = "") -> tuple[Light, ...]:
    """That Alertmanager answers or not, as a whole and for each rule that has an incident, where that is news."""
    rules = {incident.definition.name for incident, _ in _standing(state)} | {""}
    if up:
        rules = {key.partition("|")[2] for key in state.dark if key.startswith(f"{SOURCE}|")}
    news = sorted(rule for rule in rules if up is (dark_key(SOURCE, rule) in state.dark))
    return tuple(Light(up, rule, reason) for rule in news)


def _name(seen: SeenSignal) -> str:
    return seen.labels.get("alertname") or seen.fingerprint


def _why(held: Held) -> str:
    said = (
        ("silenced by", held.silenced_by),
        ("inhibited by", held.inhibited_by),
        ("muted by", held.muted_by),
    )
    reasons = [f"{how} {', '.join(sorted(ids))}" for how, ids in said if ids]
    return " and ".join(reasons) or f"{held.state or 'not active'} in Alertmanager"
