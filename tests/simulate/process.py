"""One remediator at work in a simulated run: the product's own office, controller and web application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from remediator.config import Settings
from remediator.controller import Controller, Habits, Ports
from remediator.core.observations import Reloaded
from remediator.elector import Elector, Terms
from remediator.installation import Installation, World
from remediator.office import Office
from remediator.ports import Journal
from remediator.retention import Kept
from remediator.server.app import build
from remediator.simulation.alerts import AlertSource
from tests.simulate.alertmanagers import alerting
from tests.simulate.life import Life, Scene
from tests.simulate.outposts import Desk, MachineClock, Pager, Wire
from tests.simulate.prometheus import Metrics
from tests.simulate.scenario import Scenario
from tests.simulate.scrapes import Scrapes

HOME = "remediator"
"""The namespace of the Lease."""


@dataclass(frozen=True)
class Surroundings:
    """What every process of a run stands on."""

    scene: Scene
    journal: Journal
    scenario: Scenario
    alerts: AlertSource
    scrapes: Scrapes


class Process:
    """One remediator: its office, and the web application before it."""

    def __init__(self, around: Surroundings, name: str) -> None:
        self.life = Life(around.scene, name)
        self._around = around
        self._ports = (
            Desk(self.life, around.journal),
            Wire(self.life),
            Pager(self.life),
            MachineClock(self.life),
        )
        _, wire, _, clock = self._ports
        elects = around.scenario.replicas > 1
        self.elector = Elector(wire, clock, Terms(HOME), name, around.scene.loop.time) if elects else None
        self.installation = Installation(Settings(), (), World(*self._ports))
        self.installation.office = Office(self._make, clock, self.elector)
        self.app = build(self.installation)
        self.open = self.stopping = False
        self.task: asyncio.Task[None] | None = None

    def _make(self) -> Controller:
        """A controller for one term of office."""
        around, scenario = self._around, self._around.scenario
        ask = Metrics(self.life, around.scrapes).ask
        ports = Ports(*self._ports, ask, alerting(self.life, scenario, around.alerts, ask))
        kept = Kept(scenario.kept) if scenario.kept else None
        habits = Habits(self.life.name, "simulated", kept=kept, checkpoint=scenario.checkpoint)
        made = Controller(ports, habits, elector=self.elector)
        made.objects._jitter = lambda: 0.5  # the usual one is drawn anew in every process
        # looking into a shared inbox twice a second is half of all that such a run does; in a crowd even every 5 s is
        made.intake._every = min(scenario.asks_every / 12.0, 30.0)
        return made

    @property
    def controller(self) -> Controller:
        """The controller of the present term."""
        return self.installation.office.controller

    def start(self, rules: Callable[[], Reloaded]) -> None:
        """Begin, as `remediator run` does."""
        self.task = self.life.scene.loop.start(self.installation.office.run(rules, self._opened), self.life.group)

    def _opened(self) -> None:
        self.open = True
        self.installation._opened()

    @property
    def listens(self) -> bool:
        """Whether a connection would be answered at all."""
        return self.life.group.alive and not self.life.group.frozen

    @property
    def leads(self) -> bool:
        """Whether it is up, in charge as far as it knows, and has read its journal."""
        return self.listens and self.open and not self.installation.office.standing_by
