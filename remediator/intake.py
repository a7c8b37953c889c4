"""Intake: payloads out of the inbox, their targets looked up several at once, before the loop in the order they came.

The inbox keeps a payload until the events that follow from it are durable, so that nothing here has to survive a crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from remediator.agenda import backoff
from remediator.core.observations import Observation
from remediator.core.state import State
from remediator.logs import logger
from remediator.ports import Clock, ClusterError, Journal, JournalError, Receipt
from remediator.sources.alerts import Doubt, arrived, believing
from remediator.sources.reads import Reader
from remediator.sources.words import SOURCE, word_of

log = logger("intake")

AT_ONCE = 16
"""Payloads in memory, their targets being looked up; the inbox keeps the rest."""

LOOK_EVERY = 0.5
"""Seconds between two looks into a shared inbox: one indexed question of an empty table."""

LOOK_AGAIN = 10.0
"""Seconds after which any other inbox is read again: while one process follows another, both take payloads."""

Bring = Callable[[Observation, int], Awaitable[None]]
"""Takes what a payload speaks of, or an operator's word, with the number of its receipt; waits while too much is before
the loop already."""


class Intake:
    """From the inbox to the loop. `arrivals` is set by whoever made a payload durable; `state` answers the latest.

    `heard` is told which of Alertmanager's receivers posts here. An inbox that is `shared` is looked into all the time:
    other processes put payloads into it and cannot say so.
    """

    def __init__(
        self,
        journal: Journal,
        cluster: Reader,
        clock: Clock,
        state: Callable[[], State],
        bring: Bring,
        doubt: Doubt = believing,
        heard: Callable[[str], None] = lambda receiver: None,
        *,
        shared: bool = False,
    ) -> None:
        self._journal, self._cluster, self._clock = journal, cluster, clock
        self._state, self._bring, self._doubt, self._heard = state, bring, doubt, heard
        self._sightings: asyncio.Queue[tuple[Receipt, asyncio.Task[Observation | None]]] = asyncio.Queue(AT_ONCE)
        self.arrivals, self._every = asyncio.Event(), LOOK_EVERY if shared else LOOK_AGAIN

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read(tasks))
            tasks.create_task(self._pass_on())
            tasks.create_task(self._look_again())

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        """Take payloads out of the inbox, oldest first."""
        last, misses = 0, 0
        while True:
            self.arrivals.clear()
            try:
                receipts = await self._journal.waiting(after=last, limit=AT_ONCE)
            except JournalError as error:
                await self._wait_out("the inbox cannot be read", error, misses)
                misses += 1
                continue
            misses = 0
            for receipt in receipts:
                await self._sightings.put((receipt, tasks.create_task(self._sight(receipt))))
                last = receipt.id
            if len(receipts) < AT_ONCE:  # what came since has set `arrivals` again
                await self.arrivals.wait()

    async def _look_again(self) -> None:
        """Read the inbox now and then: what another process has taken, nobody here is told of."""
        while True:
            await self._clock.sleep(self._every)
            self.arrivals.set()

    async def _sight(self, receipt: Receipt) -> Observation | None:
        """What a payload speaks of; tried until the API server can be asked. None where it breaks our code."""
        misses = 0
        while True:
            try:
                if receipt.source == SOURCE:
                    return word_of(receipt.body)
                return await arrived(self._cluster, self._state(), receipt, self._doubt, self._heard)
            except ClusterError as error:
                await self._wait_out("the targets of a payload cannot be read", error, misses)
                misses += 1
            except Exception as error:  # it stays in the inbox and is tried again at the next start
                log.error("payload not understood; it stays in the inbox", receipt=receipt.id, problem=repr(error))
                return None

    async def _pass_on(self) -> None:
        """Bring sightings in the order of their payloads, whichever is known first."""
        while True:
            receipt, sighting = await self._sightings.get()
            if (seen := await sighting) is not None:
                await self._bring(seen, receipt.id)

    async def _wait_out(self, what: str, error: Exception, misses: int) -> None:
        log.warning(f"{what}; trying again", problem=f"{type(error).__name__}: {error}", misses=misses)
        await self._clock.sleep(backoff(misses).total_seconds())
