"""The alerts of a trial, as Alertmanager posts them: into the inbox, where the product takes them from."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from remediator.clients.alertmanager import VERSION, fingerprint
from remediator.conditions.where import Where
from remediator.core.model import Json
from remediator.simulation.alertmanager import NEVER
from remediator.simulation.clock import stamp
from remediator.trial.stage import Stage

if TYPE_CHECKING:
    from remediator.config.trial_shapes import AlertShape, WhileShape

EVALUATED = 15.0
"""Seconds between two evaluations of what an alert is about."""


class Alerting:
    """Lets alerts fire and end at their instants, or as the cluster has it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._since: dict[int, datetime] = {}

    @property
    def firing(self) -> list[dict[str, str]]:
        """The labels of all alerts that fire now."""
        return [self._stage.trial.says.alerts[index].labels for index in self._since]

    def begin(self) -> None:
        """From now on they come."""
        for index, alert in enumerate(self._stage.trial.says.alerts):
            self._stage.loop.start(self._live(index, alert))

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
        body = payload(alert, began, None if fires else now)
        await self._stage.journal.receive("alertmanager", msgspec.json.encode(body), now)
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
    return {"version": VERSION, "groupKey": group, "receiver": "remediator", "status": status, "alerts": [said]}
