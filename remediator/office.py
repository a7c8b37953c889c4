"""Office: this replica decides while it is in charge, and stands by while another is.

Standing by is warm: the journal is followed and so are the objects that its rules speak of, so that taking over needs
no more than the last few records. Who does not get through to the journal is not in charge, and does not stand for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from remediator.agenda import backoff
from remediator.controller import Controller
from remediator.core.observations import Reloaded
from remediator.elector import Elector
from remediator.logs import logger
from remediator.ports import Broken, Clock, Fenced, JournalError
from remediator.reach import Reach

log = logger("office")


class Office:
    """Runs one controller a term of office, made by `make`. Without an elector this replica is the only one."""

    def __init__(self, make: Callable[[], Controller], clock: Clock, elector: Elector | None = None) -> None:
        self._make, self._clock, self._elector = make, clock, elector
        self.controller = make()
        self._reach = Reach(self.controller.journal, clock, elector.terms, elector.monotonic) if elector else None
        self._stop_asked = asyncio.Event()
        self._misses = 0

    @property
    def standing_by(self) -> str:
        """Why nothing is decided here: who is in charge instead. Empty where this replica is."""
        if self._elector is None or self._elector.holds():
            return ""
        problem = self.out_of_reach or self._elector.problem
        return f"standing by: {self._elector.holder or 'nobody yet'} is in charge{f' ({problem})' if problem else ''}"

    @property
    def out_of_reach(self) -> str:
        """Why the journal cannot be reached from here, empty where it can; known of a journal that replicas share."""
        return self._reach.lost if self._reach else ""

    async def run(self, rules: Callable[[], Reloaded], ready: Callable[[], None]) -> None:
        """Work until `stop`. `ready` is called whenever a term begins, and when this replica has begun to stand by.

        Raises `Fenced` where another writes the journal though nobody is elected, `JournalError` where it cannot be
        read at the start.
        """
        if self._elector is None or self._reach is None:
            return await self.controller.run(rules(), ready)
        while not self._stop_asked.is_set():
            if await self._stand_by(self._elector, self._reach, ready):
                await self._serve(self._elector, self._reach, rules, ready)
                if not self._stop_asked.is_set():
                    self.controller = self._make()  # nothing of the last term is trusted
        return await self._elector.release()

    async def stop(self) -> None:
        """Begin nothing new; `run` returns once the outcomes of writes under way are durable."""
        self._stop_asked.set()
        await self.controller.stop()

    async def _stand_by(self, elector: Elector, reach: Reach, ready: Callable[[], None]) -> bool:
        """Follow the journal until the lease is held (true) or the end is asked for."""

        def followed() -> None:
            was_lost = bool(reach.lost)
            reach.answered()
            if was_lost:
                elector.try_again()
            ready()

        standing = elector.acquire(lambda: not reach.lost)
        waited = (standing, self._stop_asked.wait(), self.controller.follow(followed))
        tasks = [asyncio.create_task(each) for each in waited]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[2].done():
                tasks[2].result()  # it ends by failing alone
            return tasks[0].done()
        finally:
            await _end(*tasks)

    async def _serve(
        self, elector: Elector, reach: Reach, rules: Callable[[], Reloaded], ready: Callable[[], None]
    ) -> None:
        """One term: decide while the lease is kept and the journal can be reached."""
        keeping = asyncio.create_task(elector.keep())
        deciding = asyncio.create_task(self.controller.run(rules(), ready))
        reaching = asyncio.create_task(reach.until_lost())
        try:
            await asyncio.wait({keeping, deciding, reaching}, return_when=asyncio.FIRST_COMPLETED)
            if deciding.done():
                deciding.result()
            elif reaching.done():
                reaching.result()
                raise JournalError(reach.lost)
            self._misses = 0
        except Broken:
            raise
        except JournalError as error:
            what = "another replica is in charge" if isinstance(error, Fenced) else "the journal fails"
            log.warning(f"{what}; this one stands by", problem=str(error))
            await _end(deciding, keeping)
            await elector.release()
            await self._clock.sleep(backoff(self._misses).total_seconds())
            self._misses += 1
        finally:
            await _end(deciding, reaching, *(() if self._stop_asked.is_set() else (keeping,)))
            keeping.cancel()


async def _end(*tasks: asyncio.Task[object]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
