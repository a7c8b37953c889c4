"""When queries are due, by whatever clock there is: virtual time shows it to the second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

import pytest

from remediator.clock import SystemClock
from remediator.simulation.loop import VirtualLoop
from remediator.simulation.world import World
from remediator.sources.timetable import Schedule, Slot

MINUTE, HALF = Slot(60.0, 0), Slot(30.0, 15)
"""At the full minute; fifteen seconds after each half."""


class Machine:
    """A clock that may be set; what sleeps is not moved by that."""

    def __init__(self, world: World) -> None:
        self._world, self.offset = world, timedelta()

    def now(self) -> datetime:
        return self._world.clock.now() + self.offset

    async def sleep(self, seconds: float) -> None:
        await self._world.clock.sleep(seconds)


class House:
    """A schedule in virtual time; `said` has what came due, with the seconds since the beginning."""

    def __init__(self) -> None:
        world = World(nodes=0)
        self.loop, self.clock = VirtualLoop(world), Machine(world)
        self.schedule = Schedule(self.clock)
        self.said: list[tuple[float, Slot]] = []

    def follow(self, *slots: Slot) -> None:
        self.schedule.follow(slots, lambda slot: self.said.append((self.loop.time(), slot)))

    def play(self, work: Callable[[], Coroutine[Any, Any, None]]) -> list[tuple[float, Slot]]:
        self.loop.run_until_complete(work())
        self.loop.finish()
        return self.said


def test_each_slot_is_due_at_its_offset_in_every_interval() -> None:
    house = House()

    async def work() -> None:
        house.follow(MINUTE, HALF)
        await asyncio.sleep(121)

    due = [(15, HALF), (45, HALF), (60, MINUTE), (75, HALF), (105, HALF), (120, MINUTE)]
    assert house.play(work) == due


def test_a_slot_that_stays_keeps_its_instants_and_one_that_goes_is_due_no_more() -> None:
    house = House()

    async def work() -> None:
        house.follow(MINUTE, HALF)
        await asyncio.sleep(50)
        house.follow(MINUTE)
        await asyncio.sleep(20)
        house.schedule.end()
        await asyncio.sleep(100)

    assert house.play(work) == [(15, HALF), (45, HALF), (60, MINUTE)]


@pytest.mark.parametrize("hours", [1, -1], ids=["forward", "back"])
def test_a_clock_that_jumps_makes_no_slot_be_missed_for_longer_than_its_interval(hours: int) -> None:
    house = House()

    async def work() -> None:
        house.follow(MINUTE)
        await asyncio.sleep(90)
        house.clock.offset = timedelta(hours=hours)
        await asyncio.sleep(180)

    told = [at for at, _ in house.play(work)]
    assert told[0] == 60
    assert len(told) >= 3


def test_what_came_due_several_times_meanwhile_is_said_once() -> None:
    house = House()

    async def work() -> None:
        house.follow(HALF)
        await asyncio.sleep(1)
        house.clock.offset = timedelta(seconds=200)  # as if the machine had been suspended
        await asyncio.sleep(15)

    assert house.play(work) == [(15, HALF)]


async def test_it_goes_by_the_real_clock_just_as_well() -> None:
    schedule, due = Schedule(SystemClock()), asyncio.Queue[Slot]()
    kept, gone = Slot(0.02, 0), Slot(0.03, 0)
    schedule.follow({kept, gone}, due.put_nowait)
    while {await due.get(), await due.get()} != {kept, gone}:
        pass
    schedule.follow({kept}, due.put_nowait)
    while not due.empty():
        due.get_nowait()
    assert {await due.get() for _ in range(4)} == {kept}
    schedule.end()
