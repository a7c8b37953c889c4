"""What a cluster does with the product's processes: starts them, starts them again, loses, freezes and doubles them."""

from __future__ import annotations

import asyncio

from remediator.core.observations import Reloaded
from remediator.ports import Fenced, JournalError
from tests.simulate.process import Process, Surroundings

BACK_OFF = 5.0
"""Seconds before a process that ended is started again."""


class Supervisor:
    """Keeps as many processes running as there are replicas; at times there is one more."""

    def __init__(self, around: Surroundings) -> None:
        self._around, self.scene = around, around.scene
        self.rules = Reloaded(around.scenario.policy, around.scenario.rules)
        self.places: list[Process | None] = [None] * around.scenario.replicas
        self.frozen: list[Process] = []
        self.processes: list[Process] = []
        self._count = 0
        self._ended = False

    @property
    def active(self) -> Process | None:
        """The process in charge, as far as it knows; where none is, the first that is awake."""
        awake = [each for each in self.places if each is not None and each not in self.frozen]
        return next((each for each in awake if each.leads), awake[0] if awake else None)

    @property
    def elects(self) -> bool:
        """Whether there are several, one of which is in charge."""
        return len(self.places) > 1

    def start(self, place: int = 0) -> None:
        """Start a process in a place, whoever was there before."""
        self._count += 1
        name = f"remediator-{self._count}"
        self._say(f"{name} starts")
        process = Process(self._around, name)
        self.places[place] = process
        self.processes.append(process)
        process.start(lambda: self.rules)
        assert process.task is not None
        process.task.add_done_callback(lambda task: self._over(process, task))

    def start_all(self) -> None:
        """One in each place."""
        for place in range(len(self.places)):
            self.start(place)

    def crash(self, down: float = BACK_OFF) -> None:
        """The active process is gone from one step to the next; another is started in its place after a while."""
        process = self.active
        if process is None:
            return
        self.scene.oracle.counts["crashes"] += 1
        self._say(f"{process.life.name} crashes")
        place = self._leave(process)
        process.life.group.kill()
        self._again(place, down)

    def stop(self) -> None:
        """The active process is asked to end and given twenty seconds for it; another is started when it has ended."""
        process = self.active
        if process is None or process.stopping:
            return
        self.scene.oracle.counts["stops"] += 1
        self._say(f"{process.life.name} is asked to end")
        process.stopping = True
        self.scene.loop.start(process.installation.office.stop(), process.life.group)
        self.scene.loop.call_later(20.0, self._end_it, process)

    def _end_it(self, process: Process) -> None:
        """It was asked to end, and has not."""
        if process in self.places and process.life.group.alive:
            self.scene.oracle.counts["killed at their end"] += 1
            place = self._leave(process)
            process.life.group.kill()
            self._again(place, BACK_OFF)

    def double(self) -> None:
        """Another process is started while the active one is still at work, and nobody elects."""
        if self.active is not None and not self.elects:
            self.scene.oracle.counts["doubles"] += 1
            self.start()

    def anyone(self, chance: float) -> Process | None:
        """The process that a request reaches: the active one, or at times one of the others."""
        others = [each for each in self.processes if each is not self.active and each.listens]
        return others[0] if others and self.scene.weather.chance(chance) else self.active

    def freeze(self) -> Process | None:
        """The active process stands still, and another takes over: a new one, or by its lease one that stood by."""
        process = self.active
        if process is None:
            return None
        self.scene.oracle.counts["freezes"] += 1
        self._say(f"{process.life.name} stands still")
        process.life.group.frozen = True
        self.frozen.append(process)
        if not self.elects:
            self.start()
        return process

    def thaw(self, process: Process) -> None:
        """It goes on as if no time had passed."""
        if process in self.frozen:
            self.frozen.remove(process)
            self.scene.oracle.woke(process.life.name)
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
        """Other rule files from now on; who stands by reads them when its term begins."""
        self.rules = rules
        for process in self.places:
            if process is not None and process.leads:
                await self.scene.loop.start(process.controller.tell(rules), process.life.group)

    def _say(self, what: str) -> None:
        self.scene.oracle.trace.say(self.scene.world.clock.now(), "*", what)

    def _leave(self, process: Process) -> int:
        """Make its place free."""
        place = self.places.index(process)
        self.places[place] = None
        return place

    def _again(self, place: int, after: float) -> None:
        def start() -> None:
            if self.places[place] is None and not self._ended:
                self.start(place)

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
        if process in self.places:
            self._again(self._leave(process), BACK_OFF)
