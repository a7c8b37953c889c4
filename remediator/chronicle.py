"""The state as the journal has it: what follows from observations is made durable, then folded, then told.

Nothing here acts. Where the journal cannot be written, nothing is decided either, and whoever waits is held up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from remediator import metrics
from remediator.agenda import backoff
from remediator.core.events import Dropped, Event, Record
from remediator.core.fold import apply, fold
from remediator.core.state import State
from remediator.decide import Ruling, decide
from remediator.logs import logger
from remediator.mailbox import Mail
from remediator.ports import Clock, Fenced, Journal, JournalError
from remediator.recovery import restore
from remediator.upkeep import Upkeep

log = logger("chronicle")


class Chronicle:
    """The one place where the state changes. `told` hears of every record that was appended here, in order.

    Once `ending` is set a journal that cannot be written is not waited for.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        upkeep: Upkeep,
        told: Iterable[Callable[[Record], None]],
        ending: asyncio.Event,
    ) -> None:
        self._journal, self._clock, self._upkeep, self._told, self._ending = journal, clock, upkeep, tuple(told), ending
        self.state, self.seq = State(), 0
        self.writable = True

    async def catch_up(self) -> None:
        """Fold what was appended since the journal was read last, or all of it. Others wrote it: nobody is told."""
        if not self.seq:
            restored = await restore(self._journal)
            self.state, self.seq = restored.state, restored.seq
            self._upkeep.begin(restored.since, restored.size)
        while records := await self._journal.read(after=self.seq):
            for record in records:
                self.state, self.seq = apply(self.state, record.event), record.seq
                self._upkeep.saw(record.event)

    async def commit(self, mails: Sequence[Mail]) -> list[Ruling]:
        """Append what follows from observations, one after the other, in one transaction: the disk is waited for once.

        Where the journal cannot be written, wait for it and do nothing; then decide anew. At the end it is tried once
        more and not waited for: raises `JournalError`.
        """
        receipts = [receipt for mail in mails for receipt in mail.receipts]
        misses = 0
        while True:
            rulings, state = self._decided(mails)
            events = [event for ruling in rulings for event in ruling.events]
            if not events and not receipts:
                return rulings
            try:
                with metrics.APPEND_SECONDS.time():
                    records = await self._journal.append(events, after=self.seq, consume=receipts)
                break
            except Fenced:
                raise
            except JournalError as error:
                self.writable = False
                if self._ending.is_set():
                    raise
                log.error("journal cannot be written; nothing is done until it can", problem=str(error))
                await self._rest(backoff(misses).total_seconds())
                misses += 1
        self.writable = True
        as_decided = all(record.event == event for record, event in zip(records, events, strict=True))
        self._fold(records, state if as_decided else fold((record.event for record in records), self.state))
        return rulings

    @property
    def needs_upkeep(self) -> bool:
        """Whether the journal needs something for itself."""
        return self._upkeep.is_due

    def announce(self, dropped: Dropped) -> None:
        """Have it said that records are dropped."""
        self._upkeep.announce(dropped)

    async def keep_up(self) -> bool:
        """Append one thing that the journal needs for itself; whether that was done. Decisions come in between."""
        wanted = self._upkeep.next(self.state, self.seq)
        if wanted is None:
            return False
        try:
            records = await self._journal.append([Event(self._clock.now(), wanted)], after=self.seq)
            self._fold(records, fold((record.event for record in records), self.state))
        except Fenced:
            raise
        except JournalError as error:
            self._upkeep.give_up()
            log.warning("no checkpoint can be written now; a start reads more records", problem=str(error))
            return False
        return True

    def close(self) -> None:
        """Have a checkpoint written by what is kept up from now on, so that the next start is quick."""
        self._upkeep.close()

    def _decided(self, mails: Sequence[Mail]) -> tuple[list[Ruling], State]:
        """What follows from each observation, given what follows from those before it, and the state after all of it.
        Changes nothing here.
        """
        state, rulings = self.state, []
        for mail in mails:
            rulings.append(decide(state, mail.observation, self._clock.now()))
            state = fold(rulings[-1].events, state)
        return rulings, state

    def _fold(self, records: Sequence[Record], state: State) -> None:
        """Take over the state after records that became durable: whoever is to hear of them does."""
        self.state = state
        for record in records:
            self.seq = record.seq
            self._upkeep.saw(record.event)
            for hear in self._told:
                hear(record)

    async def _rest(self, seconds: float) -> None:
        """Return after so many seconds, or as soon as the end is asked for."""
        either = [asyncio.ensure_future(each) for each in (self._clock.sleep(seconds), self._ending.wait())]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in either:
                each.cancel()
