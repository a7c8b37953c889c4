"""`memory`: a simulated day of constant load, and by how much the process grows in an hour of it.

The product's own controller with its metrics and its Events, over a journal in SQLite that keeps six hours; alerts come
and go, a query comes and goes, a watched node is cordoned and uncordoned. Each hour the resident memory is read.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import structlog

from remediator import metrics
from remediator.clients.query_answer import Answer, Sample, Vector
from remediator.controller import Controller
from remediator.core.events import Record
from remediator.core.kinds import KINDS
from remediator.core.model import PatchType, Ref
from remediator.core.observations import Reloaded
from remediator.core.rules import ObjectSpec, Rule, TargetSpec, Until, When
from remediator.herald import Herald
from remediator.journal import connect
from remediator.ports import Delivered, Delivery, Journal
from remediator.retention import Kept
from remediator.simulation import objects
from remediator.simulation.clock import stamp
from remediator.simulation.loop import VirtualLoop
from remediator.simulation.world import World
from tests.bench.figures import slope
from tests.bench.process import resident_mebibytes
from tests.bench.table import Row, at_most, between
from tests.lab.progress import Say
from tests.simulate.books import Books
from tests.unit.builders import ESCALATE, policy, rule
from tests.unit.controller.house import alert

HOURS, SETTLING = 24, 8
"""Hours played, and those before the first that counts: windows of guards and the journal's retention fill in six."""
EVERY = 20.0
"""Seconds from one alert to the next; each is over half of that after it came."""
DEPLOYMENTS = 360
KEPT = 6 * 3600.0
CHECKPOINT = 1000
"""Records from one checkpoint to the next."""
NODE = Ref(KINDS["Node"], "", "node-1")
GOAL = 0.2
"""MiB an hour: five in a day."""


def measure(folder: Path, say: Say) -> list[Row]:
    """Run it; some minutes of a core."""
    hours = []
    command = [sys.executable, "-m", "tests.bench.memory", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            hours.append(json.loads(line))
            say(f"memory: hour {len(hours)}: {hours[-1]['mib']:.1f} MiB, {hours[-1]['records']:,} records")
    if process.returncode or len(hours) != HOURS:
        raise RuntimeError(f"memory: {' '.join(command)} ended with {process.returncode} after {len(hours)} hours")
    counted = [hour["mib"] for hour in hours[SETTLING:]]
    spread = f"{between(min(counted), max(counted), 'MiB')} over the hours after {SETTLING}"
    records = hours[-1]["records"]
    return [
        at_most("memory", f"growth over {HOURS} simulated hours of load", slope(counted), GOAL, "MiB/h", spread),
        Row("memory", "records of that day", f"{records:,}", f"{hours[-1]['closed']:,} incidents closed"),
    ]


UNTIL = Until(for_=10.0, within=300.0)
RULES: tuple[Rule, ...] = (
    rule("restart", "restart", ESCALATE, until=UNTIL),
    rule(
        "by-query",
        "restart",
        ESCALATE,
        when=When(query="errors > 0"),
        target=TargetSpec("Deployment", "deployment"),
        until=UNTIL,
    ),
    rule(
        "uncordon",
        "uncordon",
        ESCALATE,
        when=When(object=ObjectSpec("Node", where="object.spec.unschedulable == true"), for_=300.0),
        target=TargetSpec("Node"),
        until=UNTIL,
    ),
)


class Silent:
    """A notifier that reaches everybody and keeps nothing."""

    async def deliver(self, delivery: Delivery) -> Delivered:
        """See `ports.Notifier.deliver`."""
        return Delivered()


class Day:
    """A world, a controller in it, and the load."""

    def __init__(self, journal: Journal) -> None:
        self.world = World(namespaces=("default", "kube-system", "shop"), history=2000)
        for number in range(DEPLOYMENTS):
            self.world.create(objects.deployment(f"web-{number}", "shop", "registry.example/app:1", 2))
        self.world.advance(3600)
        self.loop = VirtualLoop(self.world)
        self.books = Books(journal, self.loop)
        self.closed = 0
        cluster, clock = self.world.cluster(), self.world.clock
        herald = Herald(cluster, clock, "bench")
        watchers = (metrics.observe, herald.saw, self._saw)
        kept = Kept(KEPT)
        self.controller = Controller(
            self.books, cluster, Silent(), clock, "bench", "1", watchers, self._ask, 30.0, kept, CHECKPOINT
        )
        self.tasks = [self.loop.start(self.controller.run(Reloaded(policy(), RULES))), self.loop.start(herald.run())]

    def hours(self, count: int) -> Iterator[dict[str, float]]:
        """Live through so many hours; the figures at the end of each."""
        for _ in range(count):
            self.loop.run_until_complete(self._hour())
            self.world.audit.entries.clear()  # the world remembers more than a cluster does
            self.world.store.compact()
            gc.collect()
            yield {"mib": resident_mebibytes(os.getpid()), "records": self.controller.seq, "closed": self.closed}

    async def _hour(self) -> None:
        for number in range(round(3600 / EVERY)):
            name = f"web-{(self.controller.seq + number) % DEPLOYMENTS}"
            await self._tell(name, "firing")
            await asyncio.sleep(EVERY / 2)
            await self._tell(name, "resolved")
            self._cordon(number % 10 < 5)
            await asyncio.sleep(EVERY / 2)
            for task in self.tasks:
                assert not task.done(), task

    async def _tell(self, name: str, status: str) -> None:
        told = alert("Stuck", status, stamp(self.world.clock.now()), deployment=name)
        body = {"version": "4", "groupKey": "{}", "receiver": "remediator", "alerts": [told]}
        await self.books.receive("alertmanager", json.dumps(body).encode(), self.world.clock.now())
        self.controller.intake.arrivals.set()

    async def _ask(self, query: str, at: datetime) -> Answer:
        """A series for ten minutes of each hour."""
        labels = {"namespace": "shop", "deployment": "web-0"}
        return Vector((Sample(labels, 1.0),) if at.minute < 10 else ())

    def _cordon(self, cordoned: bool) -> None:
        self.world.server.patch(NODE, {"spec": {"unschedulable": cordoned or None}}, PatchType.MERGE)

    def _saw(self, record: Record) -> None:
        self.closed += record.event.kind == "incident_closed"


def main(folder: str) -> None:
    """Live through it, a line of JSON for each hour."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    day = Day(connect(f"sqlite:///{folder}/memory.db"))
    for hour in day.hours(HOURS):
        print(json.dumps(hour), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
