"""An inbox that several replicas share: whoever took a payload, the one in office works on it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from remediator.core.observations import Arrived
from remediator.core.state import State
from remediator.intake import LOOK_AGAIN, Intake
from remediator.journal.memory import MemoryJournal
from remediator.simulation.clock import VirtualClock
from remediator.simulation.world import World
from remediator.sources.reads import Reads


async def test_what_another_replica_took_is_read_before_long():
    journal, clock, brought = MemoryJournal(), VirtualClock(), []
    here = asyncio.Event()

    async def bring(seen: Arrived, receipt: int) -> None:
        brought.append(receipt)
        here.set()

    intake = Intake(journal, Reads(World().cluster(), clock), clock, State, bring)
    running = asyncio.create_task(intake.run())
    for _ in range(20):  # until it has read the empty inbox
        await asyncio.sleep(0)
    receipt = await journal.receive("alertmanager", b"{", clock.now())  # nobody here is told
    clock.move_to(clock.now() + timedelta(seconds=LOOK_AGAIN))
    await asyncio.wait_for(here.wait(), 60)
    running.cancel()
    assert brought == [receipt]
