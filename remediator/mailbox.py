"""The mailbox before the loop: observations on their way to a decision, in their order, several in one append.

What nobody waits for (an outcome, a look that verifies) is patient: it comes along with the next mail that is urgent,
so that the disk is waited for less often.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from remediator.core.observations import Arrived, Observation
from remediator.core.ruling import Ruling
from remediator.ports import Clock

MOST_MAILS = 128
"""Urgent mails that wait; whoever brings one more waits for room."""

MOST_TOGETHER = 32
"""Urgent mails that are decided one after the other and made durable in one append. Of more the disk would hardly be
waited for less, but writes that are due, and webhooks, for longer.
"""

PATIENCE = 0.02
"""Seconds that a patient mail waits for company at most: ten times what an append takes."""

MOST_PATIENT = 16
"""Patient mails that wait; one more, and all of them go."""


@dataclass(frozen=True, slots=True)
class Mail:
    """An observation on its way to the loop, with the inbox receipts that its events consume.

    `errand` is the incident whose errand brought it, `missed` marks one that brought nothing back; `reply` is told
    what was decided once it is durable.
    """

    observation: Observation
    receipts: tuple[int, ...] = ()
    errand: str = ""
    missed: bool = False
    reply: asyncio.Future[Ruling] | None = None


class Mailbox:
    """Holds mails until the loop takes them; full, it lets those wait who bring more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._urgent: asyncio.Queue[Mail] = asyncio.Queue(maxsize=MOST_MAILS)
        self._patient: list[Mail] = []
        self._alarm: asyncio.Task[None] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits that must not wait any longer."""
        return self._urgent.empty()

    async def put(self, mail: Mail) -> None:
        """Bring a mail; returns when there is room for it."""
        await self._urgent.put(mail)

    def put_patient(self, mail: Mail) -> None:
        """Bring a mail that may wait for another one."""
        self._patient.append(mail)
        if len(self._patient) >= MOST_PATIENT:
            self.wake()
        elif self._alarm is None:
            self._alarm = asyncio.create_task(self._ring(PATIENCE))

    def wake(self) -> None:
        """Have the loop look around, where nothing else does."""
        if self._urgent.empty():
            self._urgent.put_nowait(Mail(Arrived(())))

    async def take(self, until: datetime | None = None) -> list[Mail]:
        """What waits by now, in order, as much as goes together; waits for the first, but no longer than `until`."""
        mails = [await self._first(until)]
        while len(mails) < MOST_TOGETHER and not self._urgent.empty():
            mails.append(self._urgent.get_nowait())
        patient, self._patient = self._patient, []
        self._calm()
        return [*patient, *mails]

    def close(self) -> None:
        """End what rings."""
        self._calm()

    async def _first(self, until: datetime | None) -> Mail:
        if until is None or not self._urgent.empty():
            return await self._urgent.get()
        alarm = asyncio.create_task(self._ring((until - self._clock.now()).total_seconds()))
        try:
            return await self._urgent.get()
        finally:
            alarm.cancel()

    def _calm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    async def _ring(self, seconds: float) -> None:
        """Wake the loop after so many seconds."""
        await self._clock.sleep(seconds)
        self.wake()
