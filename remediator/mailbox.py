"""The mailbox before the loop: observations on their way to a decision, in their order, several in one append.

What nobody waits for (an outcome, a look that verifies) is patient: it comes along with the next mail that is urgent,
so that the disk is waited for less often.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

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

LONGEST_SLEEP = timedelta(seconds=30)
"""After which the loop looks around at the latest where anything is to come: a clock that was set is noticed then."""

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
        self._patience: asyncio.Task[None] | None = None
        self._alarm: tuple[datetime, asyncio.Task[None]] | None = None

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
        elif self._patience is None:
            self._patience = asyncio.create_task(self._lose_patience())

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
        return [*patient, *mails]

    def close(self) -> None:
        """End what rings."""
        for task in (self._patience, self._alarm[1] if self._alarm else None):
            if task is not None:
                task.cancel()
        self._patience = self._alarm = None

    async def _first(self, until: datetime | None) -> Mail:
        if until is not None and self._urgent.empty():
            self._set_alarm(until)
        return await self._urgent.get()

    def _set_alarm(self, until: datetime) -> None:
        """Have the loop woken then. One that rings before that is left as it is: to be woken too early costs less than
        a task for every mail.
        """
        until = min(until, self._clock.now() + LONGEST_SLEEP)
        if self._alarm is not None and self._alarm[0] > until:
            self._alarm[1].cancel()
            self._alarm = None
        if self._alarm is None:
            self._alarm = until, asyncio.create_task(self._ring(until))

    async def _ring(self, until: datetime) -> None:
        await self._clock.sleep((until - self._clock.now()).total_seconds())
        self._alarm = None
        self.wake()

    async def _lose_patience(self) -> None:
        """Wake the loop for what still waits after a while, if others have not taken it along by then."""
        await self._clock.sleep(PATIENCE)
        self._patience = None
        if self._patient:
            self.wake()
