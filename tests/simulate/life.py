"""The life of one process and the ways out of it: messages travel by themselves, whether or not their sender lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from remediator.simulation.loop import Group, VirtualLoop
from remediator.simulation.world import World
from tests.simulate.oracle import Oracle
from tests.simulate.weather import Weather

T = TypeVar("T")


class Scene:
    """What all processes of one run share: time, the cluster, the weather, and who watches."""

    def __init__(self, loop: VirtualLoop, world: World, weather: Weather, oracle: Oracle) -> None:
        self.loop, self.world, self.weather, self.oracle = loop, world, weather, oracle

    def now(self) -> datetime:
        """The instant that the machines' clocks show."""
        return self.world.clock.now() + self.weather.offset


class Life:
    """One process: a group of tasks that can be killed or frozen, and its ways out.

    `is_severed`: nothing it asks of the journal arrives there.
    """

    def __init__(self, scene: Scene, name: str) -> None:
        self.scene, self.name = scene, name
        self.group, self.is_severed = Group(name), False
        self.at_message: Callable[[str], None] = lambda what: None

    def demand(self) -> None:
        """A dead process reaches nothing any more."""
        if not self.group.alive:
            raise asyncio.CancelledError

    async def travel(self, what: str, ask: Callable[[], Awaitable[T]], *, late: Exception | None = None) -> T:
        """Ask somebody outside: there and back, each taking its time.

        With `late` the asker gives up after ten seconds and gets it raised; what was asked goes on all the same.
        `at_message` hears when it leaves, when it is done and when the answer arrives.
        """
        self.demand()
        self.at_message(f"{what}:leaves")
        self.demand()
        answer: asyncio.Future[T] = self.scene.loop.create_future()
        self.scene.loop.start(self._journey(what, ask, answer))
        timer = self.scene.loop.call_later(10.0, _give_up, answer, late) if late else None
        try:
            return await answer
        finally:
            if timer:
                timer.cancel()

    async def _journey(self, what: str, ask: Callable[[], Awaitable[T]], answer: asyncio.Future[T]) -> None:
        clock, weather = self.scene.world.clock, self.scene.weather
        if weather.slow:
            self.scene.oracle.lied_at["slow"] = clock.now()
        await clock.sleep(weather.delay())
        result: T | Exception
        try:
            result = await ask()
        except Exception as error:
            result = error
        self.at_message(f"{what}:done")
        await clock.sleep(weather.delay())
        if answer.done():
            return
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)


def _give_up(answer: asyncio.Future[T], late: Exception) -> None:
    if not answer.done():
        answer.set_exception(late)
