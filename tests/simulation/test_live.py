"""The world over a clock that runs by itself: the demo's way of time."""

from __future__ import annotations

import asyncio

from remediator.simulation import objects
from remediator.simulation.clock import VirtualClock
from remediator.simulation.live import live
from remediator.simulation.world import World
from tests.simulation.worlds import SHOP, status, world


async def test_the_world_runs_so_many_times_faster_than_the_clock():
    w, clock = world(), VirtualClock()
    start = w.clock.now()
    running = asyncio.create_task(live(w, clock, speed=10.0, tick=1.0))
    for _ in range(30):
        await asyncio.sleep(0)
        due = clock.next_wake()
        if due is not None:
            clock.move_to(due)
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (w.clock.now() - start) == (clock.now() - VirtualClock().now()) * 10


async def test_who_sleeps_by_the_worlds_clock_is_woken_on_the_way():
    w = world()
    woken: list[int] = []

    async def sleeper(seconds: int) -> None:
        await w.clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (20, 10, 90)]
    await asyncio.sleep(0)
    assert w.clock.next_wake() is not None
    w.advance(30)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert woken == [10, 20]
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_the_world_says_when_it_has_something_to_do_next():
    w = World(namespaces=(SHOP,))
    w.create(objects.deployment("web", SHOP))
    assert w.next_event() == w.clock.now()
    w.settle()
    due = w.next_event()
    assert due is not None
    assert due > w.clock.now()
    w.advance_to(due)
    w.advance(10)
    assert status(w)["availableReplicas"] == 3
