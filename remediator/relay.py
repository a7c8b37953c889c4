"""Relay: an operator's word from the replica that was told to the one in charge, by way of the inbox they share.

It needs no way between replicas, and a word survives that there is nobody in charge just now.
"""

from __future__ import annotations

from remediator.core.events import Event
from remediator.ports import Clock, Journal
from remediator.sources.words import SOURCE, Word, kept

PATIENCE = 10.0
"""Seconds for which somebody in charge is waited for."""

LOOK_EVERY = 0.25
"""Seconds between two looks whether the word was taken."""

PAGE = 1000


class Undecided(Exception):
    """The word is durable, but nobody has decided it yet; it will be, in its order."""


class Relay:
    """Passes words on through one journal."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock

    async def pass_on(self, word: Word) -> tuple[Event, ...]:
        """The events by which this operator's word was followed, none where it did not count.

        Raises `Undecided` where that is not known within `PATIENCE`, `JournalError` where the word cannot be kept.
        """
        seq, _ = await self._journal.head()
        receipt = await self._journal.receive(SOURCE, kept(word), self._clock.now())
        for _ in range(round(PATIENCE / LOOK_EVERY)):
            await self._clock.sleep(LOOK_EVERY)
            first = await self._journal.waiting(after=receipt - 1, limit=1)
            if not first or first[0].id != receipt:
                return await self._said(word, seq)
        raise Undecided("it is kept and counts once a replica is in charge again: see /api/v1/status of any")

    async def _said(self, word: Word, seq: int) -> tuple[Event, ...]:
        """What the operator's name stands under since then; of an answer, about its incident."""
        said: list[Event] = []
        while records := await self._journal.read(after=seq, limit=PAGE):
            said += [record.event for record in records if record.event.actor == f"operator:{word.by}"]
            seq = records[-1].seq
        about = getattr(word, "incident", "")
        return tuple(event for event in said if event.incident == about)
