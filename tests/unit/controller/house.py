"""A whole controller in virtual time: a simulated cluster, a journal in memory, a receiver, and processes that die."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from remediator.clients.alertmanager import fingerprint
from remediator.controller import Controller, Habits, Ports
from remediator.core.events import Event, Record
from remediator.core.model import Change, Json
from remediator.core.observations import Reloaded
from remediator.core.rules import Policy, Rule
from remediator.journal.memory import MemoryJournal
from remediator.ports import Delivered, Delivery, JournalError
from remediator.simulation.clock import stamp
from remediator.simulation.cluster import SimulatedCluster
from remediator.simulation.loop import Group, VirtualLoop
from remediator.simulation.world import World
from tests.unit.playing import ACCOUNT

T = TypeVar("T")


class Journal(MemoryJournal):
    """A journal that can be made to refuse."""

    full = False

    async def append(self, events: Sequence[Event], *, after: int, consume: Sequence[int] = ()) -> tuple[Record, ...]:
        if self.full:
            raise JournalError("no space left on device")
        return await super().append(events, after=after, consume=consume)


class Cluster(SimulatedCluster):
    """The cluster as one process sees it; `on_write` is called at the given moment of each write."""

    before: Callable[[], None] = staticmethod(lambda: None)
    after: Callable[[], None] = staticmethod(lambda: None)

    async def write(self, change: Change) -> Json:
        self.before()
        await asyncio.sleep(0)  # where a process that is killed here ends
        answer = await super().write(change)
        self.after()
        await asyncio.sleep(0)
        return answer


class Receiver:
    """Takes every message, unless there is a problem; `breaks` makes it raise. `tried` are the keys of all attempts."""

    def __init__(self) -> None:
        self.taken: list[Delivery] = []
        self.tried: list[str] = []
        self.problem, self.breaks = "", False

    async def deliver(self, delivery: Delivery) -> Delivered:
        self.tried.append(delivery.key)
        if self.breaks:
            raise RuntimeError("a fault in the notifier")
        if not self.problem:
            self.taken.append(delivery)
        return Delivered(self.problem)


def alert(name: str, status: str, at: str, **labels: str) -> Json:
    """One alert about `shop/web` as Alertmanager sends it; an empty label is left out."""
    said = {"alertname": name, "namespace": "shop", "deployment": "web", **labels}
    said = {key: value for key, value in said.items() if value}
    return {"status": status, "labels": said, "annotations": {}, "startsAt": at, "fingerprint": fingerprint(said)}


class House:
    """One journal and one world, and the controllers that work on them one after the other, or at once."""

    def __init__(self, world: World, policy: Policy, *rules: Rule) -> None:
        self.world, self.loop = world, VirtualLoop(world)
        self.journal, self.receiver = Journal(), Receiver()
        self.rules = Reloaded(policy, rules)
        self.processes: list[Process] = []

    def start(self) -> Process:
        """A new process takes office."""
        self.processes.append(Process(self, f"process-{len(self.processes) + 1}"))
        self.wait(0.01)
        return self.processes[-1]

    def wait(self, seconds: float) -> None:
        """Let everything go on for so long."""
        self.run(asyncio.sleep(seconds))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something beside the processes to its end."""
        return self.loop.run_until_complete(work)

    def alert(self, name: str = "Stuck", status: str = "firing", **labels: str) -> None:
        """The webhook takes in one alert about `shop/web`."""
        self.run(self.receive(alert(name, status, stamp(self.world.clock.now()), **labels)))

    def payload(self, *alerts: Json, version: str = "4") -> None:
        """The webhook takes in a payload."""
        self.run(self.receive(*alerts, version=version))

    async def receive(self, *alerts: Json, version: str = "4") -> None:
        """As `payload`, for what runs beside the processes."""
        body = {"version": version, "groupKey": "{}", "receiver": "remediator", "alerts": list(alerts)}
        await self.journal.receive("alertmanager", json.dumps(body).encode(), self.world.clock.now())
        for process in self.processes:
            process.controller.intake.arrivals.set()

    def close(self) -> None:
        """End all that runs. What a process failed of while it was alive fails the test."""
        failed = [repr(task.exception()) for process in self.processes for task in process.group.failures()]
        self.loop.finish() if asyncio.all_tasks(self.loop) else self.loop.close()
        assert failed == []
        assert self.loop.failed == []

    def events(self) -> list[Event]:
        """All that was made durable."""
        return [record.event for record in self.run(self.journal.read(limit=100_000))]

    def kinds(self, *left_out: str) -> list[str]:
        """The kinds of all events, in order."""
        return [event.kind for event in self.events() if event.kind not in left_out]

    def all(self, kind: str) -> list[Any]:
        """The data of all events of a kind."""
        return [event.data for event in self.events() if event.kind == kind]


class Process:
    """One controller with all its tasks."""

    def __init__(self, house: House, name: str) -> None:
        self.house, self.group = house, Group(name)
        self.cluster = Cluster(house.world, ACCOUNT)
        ports = Ports(house.journal, self.cluster, house.receiver, house.world.clock)
        self.controller = Controller(ports, Habits(name))
        self.task = house.loop.start(self.controller.run(house.rules), self.group)

    def kill(self) -> None:
        """End it here and now, as `kill -9` does."""
        self.group.kill()

    def stop(self) -> None:
        """Ask it to end, as SIGTERM does, without waiting."""
        self.house.loop.start(self.controller.stop())

    @property
    def has_ended(self) -> bool:
        """Whether `run` has returned."""
        return self.task.done()
