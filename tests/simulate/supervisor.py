"""What a cluster does with the controller's process: starts it, starts it again, loses it, freezes it, doubles it."""

from __future__ import annotations

import asyncio

from remediator.config import Settings
from remediator.controller import Controller
from remediator.core.observations import Reloaded
from remediator.installation import Installation, World
from remediator.ports import Fenced, Journal, JournalError
from remediator.retention import Kept
from remediator.server.app import build
from tests.simulate.life import Life, Scene
from tests.simulate.outposts import Desk, MachineClock, Pager, Wire
from tests.simulate.prometheus import Metrics, Rota
from tests.simulate.scenario import Scenario

BACK_OFF = 5.0
"""Seconds before a process that ended is started again."""


class Process:
    """One remediator at work: its controller, and the web application before it."""

    def __init__(self, scene: Scene, journal: Journal, name: str, scenario: Scenario) -> None:
        self.life = Life(scene, name)
        ports = Desk(self.life, journal), Wire(self.life), Pager(self.life), MachineClock(self.life)
        kept = Kept(scenario.kept) if scenario.kept else None
        ask, rota = Metrics(self.life).ask, Rota(self.life)
        self.controller = Controller(*ports, name, "simulated", ask=ask, kept=kept, checkpoint=scenario.checkpoint)
        assert self.controller.queries is not None
        self.controller.queries._timetable = rota  # the usual one lives by the machine's clock
        self.installation = Installation(Settings(), (), World(*ports))
        self.installation.office.controller = self.controller
        self.app = build(self.installation)
        self.open = self.stopping = False
        self.task: asyncio.Task[None] | None = None

    def start(self, rules: Reloaded) -> None:
        """Begin, as `remediator run` does."""
        self.task = self.life.scene.loop.start(self.controller.run(rules, self._opened), self.life.group)

    def _opened(self) -> None:
        self.open = True
        self.installation._opened()

    @property
    def listens(self) -> bool:
        """Whether a connection would be answered at all."""
        return self.life.group.alive and not self.life.group.frozen


class Supervisor:
    """Keeps one process running; at times there are two."""

    def __init__(self, scene: Scene, journal: Journal, scenario: Scenario) -> None:
        self.scene, self.journal, self.scenario = scene, journal, scenario
        self.rules = Reloaded(scenario.policy, scenario.rules)
        self.active: Process | None = None
        self.frozen: list[Process] = []
        self.processes: list[Process] = []
        self._count = 0
        self._ended = False

    def start(self) -> None:
        """Start a process, which is the active one from now on."""
        self._count += 1
        self._say(f"remediator-{self._count} starts")
        process = Process(self.scene, self.journal, f"remediator-{self._count}", self.scenario)
        self.active = process
        self.processes.append(process)
        process.start(self.rules)
        assert process.task is not None
        process.task.add_done_callback(lambda task: self._over(process, task))

    def crash(self, down: float = BACK_OFF) -> None:
        """The active process is gone from one step to the next; another is started after a while."""
        process, self.active = self.active, None
        if process is None:
            return
        self.scene.oracle.counts["crashes"] += 1
        self._say(f"{process.life.name} crashes")
        process.life.group.kill()
        self._again(down)

    def stop(self) -> None:
        """The active process is asked to end and given twenty seconds for it; another is started when it has ended."""
        process = self.active
        if process is None or process.stopping:
            return
        self.scene.oracle.counts["stops"] += 1
        self._say(f"{process.life.name} is asked to end")
        process.stopping = True
        self.scene.loop.start(process.controller.stop(), process.life.group)
        self.scene.loop.call_later(20.0, lambda: self.crash() if self.active is process else None)

    def double(self) -> None:
        """Another process is started while the active one is still at work."""
        if self.active is not None:
            self.scene.oracle.counts["doubles"] += 1
            self.active = None
            self.start()

    def anyone(self, chance: float) -> Process | None:
        """The process that a request reaches: the active one, or at times one that only believes to be it."""
        others = [each for each in self.processes if each is not self.active and each.listens]
        return others[0] if others and self.scene.weather.chance(chance) else self.active

    def freeze(self) -> Process | None:
        """The active process stands still, and another takes over."""
        process, self.active = self.active, None
        if process is None:
            return None
        self.scene.oracle.counts["freezes"] += 1
        self._say(f"{process.life.name} stands still")
        process.life.group.frozen = True
        self.frozen.append(process)
        self.start()
        return process

    def thaw(self, process: Process) -> None:
        """It goes on as if no time had passed."""
        if process in self.frozen:
            self.frozen.remove(process)
            self._say(f"{process.life.name} goes on")
            self.scene.loop.thaw(process.life.group)

    def failures(self) -> list[str]:
        """Tasks of running processes that died of an error; the process itself is judged when it ends."""
        return [
            f"{process.life.name}: {task!r}"
            for process in self.processes
            for task in process.life.group.failures()
            if task is not process.task
        ]

    def end(self) -> None:
        """Nothing runs any more."""
        self._ended = True
        for process in list(self.processes):
            process.life.group.kill()
            self.scene.loop.thaw(process.life.group)

    async def reload(self, rules: Reloaded) -> None:
        """Other rule files from now on."""
        self.rules = rules
        process = self.active
        if process is not None and process.open:
            await self.scene.loop.start(process.controller.tell(rules), process.life.group)

    def _say(self, what: str) -> None:
        self.scene.oracle.trace.say(self.scene.world.clock.now(), "*", what)

    def _again(self, after: float) -> None:
        def start() -> None:
            if self.active is None and not self._ended:
                self.start()

        self.scene.loop.call_later(after, start)

    def _over(self, process: Process, task: asyncio.Task[None]) -> None:
        """A process has ended: by a refusal of the journal it is started again, unless another is at work."""
        error = None if task.cancelled() else task.exception()
        lived = process.life.group.alive
        if lived:
            self._say(f"{process.life.name} ends: {error!r}")
        process.life.group.kill()
        self.processes.remove(process)
        if not lived:
            return
        if isinstance(error, Fenced):
            self.scene.oracle.counts["fenced"] += 1
        elif isinstance(error, JournalError):
            self.scene.oracle.counts["ended by the journal"] += 1
        elif not self._ended and not (error is None and process.stopping):
            self.scene.oracle.violated("the loop goes on", f"{process.life.name} ended: {error!r}")
        if self.active is process:
            self.active = None
            self._again(BACK_OFF)
