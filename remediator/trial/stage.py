"""The stage of a trial: a simulated cluster, virtual time, and the product's own controller at work in it."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from remediator.config.trials import Trial
from remediator.controller import Controller, Habits, Ports
from remediator.core.events import Record
from remediator.core.kinds import resource
from remediator.core.model import Json, Ref
from remediator.core.observations import Reloaded
from remediator.core.rules import Itself
from remediator.journal.memory import MemoryJournal
from remediator.ports import ClusterError, Delivered, Delivery
from remediator.simulation.cluster import SimulatedCluster
from remediator.simulation.loop import Group, VirtualLoop
from remediator.simulation.world import World
from remediator.sources.measured import Ask
from remediator.sources.reconciliation import Alerting
from remediator.trial.manifests import create, namespaces

ACCOUNT = "system:serviceaccount:remediator:remediator"
"""As whom the remediator writes; everybody else writes as the administrator."""

NODES = 3
"""Nodes of a cluster of which the test gives none."""


class Unplayable(Exception):
    """The trial cannot be played as it is written; the message says why, and what would be right."""


def ref_named(name: str) -> Ref:
    """The address of `Kind/namespace/name`."""
    kind, *place = name.split("/")
    return Ref(resource(kind), *(place if len(place) == 2 else ("", place[0])))


class Pager:
    """Everybody who is told anything: a `ports.Notifier` that keeps what it is given."""

    def __init__(self) -> None:
        self.taken: list[Delivery] = []

    async def deliver(self, delivery: Delivery) -> Delivered:
        """It always arrives."""
        self.taken.append(delivery)
        return Delivered()


class Stage:
    """The world of one trial when the remediator starts: 0 seconds. Raises `Unplayable` where it cannot be brought
    about.
    """

    def __init__(self, trial: Trial) -> None:
        random.seed(0)  # when watches are renewed is drawn: the same in every run of a test
        self.trial, self.start = trial, trial.says.start
        self.world = self._built()
        self.loop, self.group = VirtualLoop(self.world), Group("remediator")
        self.journal, self.pager, self.records = MemoryJournal(), Pager(), list[Record]()
        self.problems: list[str] = []

    def begin(self, ask: Ask, alerting: Alerting | None) -> None:
        """The remediator takes office."""
        cluster = SimulatedCluster(self.world, ACCOUNT)
        ports = Ports(self.journal, cluster, self.pager, self.world.clock, ask, alerting)
        self.controller = Controller(ports, Habits("test", every=self.trial.every), (self.records.append,))
        rules = Reloaded(self.trial.settings.policy(Itself()), self.trial.rules)
        self.loop.start(self.controller.run(rules), self.group)

    def seconds(self, at: datetime) -> float:
        """An instant as seconds since the start."""
        return (at - self.start).total_seconds()

    def live(self, name: str) -> Json | None:
        """The object `Kind/namespace/name` as it is now, not to be changed; None where it does not exist."""
        ref, store = ref_named(name), self.world.store
        return store.get(ref.resource.kind, ref.namespace, ref.name) if ref.resource.kind in store.resources else None

    def failures(self) -> list[str]:
        """What could not happen as the test says, and what broke in the product itself."""
        tasks = [f"the product broke: {task.exception()!r}" for task in self.group.failures()]
        return [*self.problems, *tasks, *(f"{where}: {error!r}" for where, error in self.loop.failed)]

    def close(self) -> None:
        """End all that runs."""
        self.loop.finish()

    def _built(self) -> World:
        """The cluster, as old as the test says."""
        says = self.trial.says
        given = [*says.cluster, *(change.create for change in says.changes if change.create is not None)]
        nodes = says.nodes
        if nodes is None:
            nodes = 0 if any(each["kind"] == "Node" for each in says.cluster) else NODES
        began = self.start - timedelta(seconds=says.age)
        world = World(start=began, nodes=nodes, namespaces=namespaces(given))
        for index, each in enumerate(says.cluster):
            try:
                create(world, each)
            except ClusterError as error:
                raise Unplayable(f"cluster[{index}]: the API server refuses it: {error.message}") from error
        world.advance_to(self.start)
        return world
