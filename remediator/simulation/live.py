"""The thin bridge between virtual and real time: moves a world on as a real clock does, faster or slower."""

from __future__ import annotations

from remediator.ports import Clock
from remediator.simulation.world import World


async def live(world: World, clock: Clock, *, speed: float = 1.0, tick: float = 0.05) -> None:
    """Move the world on for ever, `speed` virtual seconds for each second of `clock`, every `tick` seconds.

    Whoever shares the world's time sleeps on `world.clock`, which this wakes. Ends by cancellation.
    """
    begun, start = clock.now(), world.clock.now()
    while True:
        await clock.sleep(tick)
        world.advance_to(start + (clock.now() - begun) * speed)
