"""Retention: records that are older than they are kept go out of the journal, archived first where a folder is named.

Each round drops what the journal says is dropped, then verifies, archives and has announced what may go next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from remediator.core.events import Dropped
from remediator.core.model import Value
from remediator.core.state import State
from remediator.journal.archive import Archive, name_of
from remediator.journal.chain import Head
from remediator.journal.verification import Walk, ends_at
from remediator.logs import logger
from remediator.ports import Clock, Journal, JournalError

log = logger("retention")

ROUND = 600.0
"""Seconds from one round to the next."""

_PAGE = 25  # lines verified and written between two decisions


class Kept(Value, frozen=True):
    """For how many seconds records are kept, and the folder that older ones are archived in; None: in none."""

    seconds: float
    archive: Path | None = None


class Retention:
    """Lets go of what is older than is `kept`. `state` answers the latest; `announce` has it journalled."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        state: Callable[[], State],
        announce: Callable[[Dropped], None],
        kept: Kept,
    ) -> None:
        self._journal, self._clock, self._state, self._announce = journal, clock, state, announce
        self._keep, self._folder = timedelta(seconds=kept.seconds), kept.archive

    async def run(self) -> None:
        """Work until cancelled. Where a round fails it is told, and tried again in the next."""
        while True:
            try:
                await self.round()
            except JournalError as error:
                log.error("nothing more is dropped from the journal for now", problem=str(error))
            await self._clock.sleep(ROUND)

    async def round(self) -> None:
        """Drop what was announced before, and announce what may go now."""
        if count := await self._journal.drop():
            log.info("dropped records that are older than is kept", records=count)
        before = self._clock.now() - self._keep
        said = await outgoing(self._journal, self._state(), before, self._named)
        if said is not None:
            self._announce(said)

    def _named(self, after: Head) -> Archive | None:
        """The next file of the archive. One of its name was never announced: its records are still in the journal."""
        return Archive(self._folder / name_of(after), after, replace=True) if self._folder else None


async def outgoing(
    journal: Journal, state: State, before: datetime, archive: Callable[[Head], Archive | None]
) -> Dropped | None:
    """What the journal has to say before its records older than `before` are dropped; None where none may go.

    They are verified, and written to the archive, which is made for the place before the first of them. Raises
    `JournalError` where that fails.
    """
    floor = await journal.floor(tuple(state.incidents), before)
    first = await journal.lines(limit=1)
    if not first or first[0]["seq"] > floor[0]:
        return None
    begin = (first[0]["seq"] - 1, first[0]["prev"])
    file = archive(begin)
    if file is None:
        await _taken_out(journal, begin, floor, None)
        return Dropped(*floor)
    try:
        await _taken_out(journal, begin, floor, file)
        await asyncio.to_thread(file.finish, floor)
    except BaseException:
        file.abandon()
        raise
    return Dropped(*floor, archive=file.path.name)


async def _taken_out(journal: Journal, begin: Head, end: Head, file: Archive | None) -> None:
    """Verify the lines between two places, and write them to the file where there is one."""
    walk = Walk(begin)
    while walk.last[0] < end[0]:
        lines = await journal.lines(walk.last[0], min(_PAGE, end[0] - walk.last[0]))
        if not lines:
            break
        for line in lines:
            walk.take(line)
        if file is not None:
            await asyncio.to_thread(file.add, lines)
    ends_at(walk.extent(), end)
