"""The event loop in virtual time: it never waits, has one order, and processes die or freeze between two steps."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import timedelta
from threading import Timer

import pytest

from remediator.simulation.clock import START
from remediator.simulation.loop import Group, VirtualLoop
from remediator.simulation.world import World


@pytest.fixture
def world() -> World:
    return World(nodes=0)


@pytest.fixture
def loop(world: World) -> Iterator[VirtualLoop]:
    loop = VirtualLoop(world)
    yield loop
    loop.finish()


def test_time_passes_only_while_everybody_waits(world: World, loop: VirtualLoop):
    async def story() -> list[float]:
        seen = [loop.time()]
        await asyncio.sleep(3600)
        seen.append(loop.time())
        await world.clock.sleep(60)
        seen.append(loop.time())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        return [*seen, loop.time()]

    assert loop.run_until_complete(story()) == [0, 3600, 3660, 3665]
    assert world.clock.now() == START + timedelta(seconds=3665)


def test_the_world_moves_on_while_it_is_waited_for(world: World, loop: VirtualLoop):
    heard: list[float] = []
    world.after(10, lambda: heard.append(loop.time()))
    loop.run_until_complete(asyncio.sleep(20))
    assert heard == [10]


def test_tasks_belong_to_the_group_of_whoever_started_them(loop: VirtualLoop):
    group, seen = Group("process"), []

    async def child() -> None:
        await asyncio.sleep(1)
        seen.append("child")

    async def parent() -> None:
        await asyncio.gather(child(), child())

    loop.run_until_complete(loop.start(parent(), group))
    assert seen == ["child", "child"]
    assert group.steps > 0
    assert not group.tasks


def test_a_killed_group_takes_no_step_but_its_cleanup(loop: VirtualLoop):
    group, seen = Group("process"), []

    async def process() -> None:
        try:
            while True:
                await asyncio.sleep(1)
                seen.append(loop.time())
        finally:
            seen.append("cleanup")

    async def story() -> None:
        loop.start(process(), group)
        await asyncio.sleep(2.5)
        group.kill()
        await asyncio.sleep(10)

    loop.run_until_complete(story())
    assert seen == [1, 2, "cleanup"]


def test_a_frozen_group_goes_on_where_it_stood_as_if_no_time_had_passed(loop: VirtualLoop):
    group, seen = Group("process"), []

    async def process() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            seen.append(loop.time())

    async def story() -> None:
        task = loop.start(process(), group)
        await asyncio.sleep(1.5)
        group.frozen = True
        await asyncio.sleep(100)
        loop.thaw(group)
        await task

    loop.run_until_complete(story())
    assert seen == [1, 101.5, 102.5]


def test_a_group_can_be_caught_at_any_of_its_steps(loop: VirtualLoop):
    group, seen = Group("process"), []

    async def process() -> None:
        for number in range(10):
            seen.append(number)
            await asyncio.sleep(0)

    def at_step() -> None:
        if group.steps == 4:
            group.kill()

    async def story() -> None:
        group.at_step = at_step
        loop.start(process(), group)
        await asyncio.sleep(1)

    loop.run_until_complete(story())
    assert seen == [0, 1, 2]


def test_an_error_that_nobody_asks_for_is_a_failure_of_the_group(loop: VirtualLoop):
    group = Group("process")

    async def breaks() -> None:
        raise LookupError("lost")

    async def catches() -> None:
        with contextlib.suppress(LookupError):
            await asyncio.create_task(breaks())

    async def forgets() -> None:
        task = asyncio.create_task(breaks())
        await asyncio.sleep(1)
        assert task.done()

    loop.run_until_complete(loop.start(catches(), group))
    assert group.failures() == []
    loop.run_until_complete(loop.start(forgets(), group))
    (failed,) = group.failures()
    assert isinstance(failed.exception(), LookupError)


def test_a_thread_is_waited_for_without_time_passing(loop: VirtualLoop):
    async def story() -> float:
        answer = loop.create_future()
        Timer(0.01, lambda: loop.call_soon_threadsafe(answer.set_result, None)).start()
        with loop.outside():
            await answer
        return loop.time()

    assert loop.run_until_complete(story()) == 0
