"""The alerts of a trial, as Alertmanager posts them: into the inbox, where the product takes them from.

Where the trial has silences, Alertmanager can also be asked which alerts it holds; of a silenced one it posts nothing,
neither that it fires nor that it has ended.
"""

from __future__ import annotations

import asyncio
import math
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from remediator.clients.alertmanager import VERSION, Alert, fingerprint
from remediator.clients.alertmanager_api import Held, Holding
from remediator.conditions.where import Where
from remediator.core.model import Json
from remediator.simulation.alertmanager import NEVER
from remediator.simulation.clock import stamp
from remediator.sources.reconciliation import Alerting as Reconciled
from remediator.trial.stage import Stage

if TYPE_CHECKING:
    from remediator.config.trial_shapes import AlertShape, WhileShape

RECEIVER = "remediator"
"""What the receiver of the webhook is called."""

EVALUATED = 15.0
"""Seconds between two evaluations of what an alert is about."""


class Alerting:
    """Lets alerts fire and end at their instants, or as the cluster has it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._since: dict[int, datetime] = {}
        self._told: set[int] = set()

    @property
    def asked(self) -> Reconciled | None:
        """Who is asked about alerts; nobody where there are no silences."""
        return Reconciled((self,), receiver=RECEIVER) if self._stage.trial.says.silences else None

    @property
    def firing(self) -> list[dict[str, str]]:
        """The labels of all alerts that fire now."""
        return [self._stage.trial.says.alerts[index].labels for index in self._since]

    def begin(self) -> None:
        """From now on they come."""
        for index, alert in enumerate(self._stage.trial.says.alerts):
            self._stage.loop.start(self._live(index, alert))
        for silence in self._stage.trial.says.silences:
            if silence.until is not None:
                self._stage.loop.start(self._speak_again(silence.until))

    async def holding(self) -> Holding:
        """As Alertmanager's API answers."""
        alerts = self._stage.trial.says.alerts
        held = (self._held(alerts[index], began) for index, began in self._since.items())
        return Holding({each.alert.fingerprint: each for each in held}, lives=("the test's",))

    def _held(self, alert: AlertShape, began: datetime) -> Held:
        by = self._silenced_by(alert)
        named = Alert("firing", alert.labels, alert.annotations, began, None, fingerprint(alert.labels))
        return Held(named, "suppressed" if by else "active", by, receivers=(RECEIVER,))

    def _silenced_by(self, alert: AlertShape) -> tuple[str, ...]:
        """The silences that cover an alert now, by their place in the test."""
        at = self._stage.seconds(self._stage.world.clock.now())
        return tuple(
            f"silences[{place}]"
            for place, each in enumerate(self._stage.trial.says.silences)
            if each.at <= at < (math.inf if each.until is None else each.until)
            and all(matcher.matches(alert.labels) for matcher in each.matchers)
        )

    async def _speak_again(self, until: float) -> None:
        """A silence is over: what fires and was never told of is."""
        await asyncio.sleep(until)
        for index, began in tuple(self._since.items()):
            if index not in self._told:
                await self._tell(index, self._stage.trial.says.alerts[index], began, None)

    async def _live(self, index: int, alert: AlertShape) -> None:
        await asyncio.sleep(alert.at)
        if alert.while_ is not None:
            return await self._follow(index, alert, alert.while_)
        await self._post(index, alert, fires=True)
        if alert.until is not None:
            await asyncio.sleep(alert.until - alert.at)
            await self._post(index, alert, fires=False)
        return None

    async def _follow(self, index: int, alert: AlertShape, while_: WhileShape) -> None:
        """Fire once it has held for as long as it must, and end when it no longer does."""
        held = 0.0
        while True:
            holds = self._holds(while_)
            if holds and held >= while_.for_ and index not in self._since:
                await self._post(index, alert, fires=True)
            elif not holds and index in self._since:
                await self._post(index, alert, fires=False)
            held = held + EVALUATED if holds else 0.0
            await asyncio.sleep(EVALUATED)

    def _holds(self, while_: WhileShape) -> bool:
        live = self._stage.live(while_.object)
        return live is not None and Where(while_.where, live["kind"]).ask(live) is True

    async def _post(self, index: int, alert: AlertShape, *, fires: bool) -> None:
        now = self._stage.world.clock.now()
        began = self._since.setdefault(index, now)
        if not fires:
            del self._since[index]
        await self._tell(index, alert, began, None if fires else now)

    async def _tell(self, index: int, alert: AlertShape, began: datetime, ended: datetime | None) -> None:
        """Post it, unless it is silenced; of an end nobody is told who was not told of its beginning."""
        untold = index not in self._told
        self._told.discard(index)
        if self._silenced_by(alert) or (ended is not None and untold):
            return
        if ended is None:
            self._told.add(index)
        body = payload(alert, began, ended)
        await self._stage.journal.receive("alertmanager", msgspec.json.encode(body), self._stage.world.clock.now())
        self._stage.controller.intake.arrivals.set()


def payload(alert: AlertShape, began: datetime, ended: datetime | None) -> Json:
    """The body of a webhook about one alert."""
    status = "firing" if ended is None else "resolved"
    said = {
        "status": status,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": stamp(began),
        "endsAt": NEVER if ended is None else stamp(ended),
        "fingerprint": fingerprint(alert.labels),
    }
    group = f'{{}}:{{alertname="{alert.labels["alertname"]}"}}'
    return {"version": VERSION, "groupKey": group, "receiver": RECEIVER, "status": status, "alerts": [said]}
