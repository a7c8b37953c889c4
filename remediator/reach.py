"""Reach: whether this replica still gets through to the journal that it shares with others.

A leader that does not is in nobody's interest: it can decide nothing, and while it keeps the Lease nobody else does.
"""

from __future__ import annotations

import asyncio
import math

from remediator.elector import Monotonic, Terms
from remediator.ports import Clock, Journal, JournalError


class Reach:
    """Knows when the journal answered last, by a clock that nobody sets.

    A hang counts as an error does: a cut network and a server that stands still answer nothing at all.
    """

    def __init__(self, journal: Journal, clock: Clock, terms: Terms, monotonic: Monotonic) -> None:
        self._journal, self._clock, self._terms, self._monotonic = journal, clock, terms, monotonic
        self._answered_at, self._problem = -math.inf, ""

    @property
    def lost(self) -> str:
        """Why it counts as out of reach: it has not answered for as long as the Lease lasts (inclusive); else empty."""
        if self._monotonic() - self._answered_at < self._terms.duration:
            return ""
        since = "yet" if self._answered_at == -math.inf else f"for {self._terms.duration:g} s"
        return f"the journal has not answered {since}{f': {self._problem}' if self._problem else ''}"

    def answered(self) -> None:
        """It gave an answer just now."""
        self._answered_at, self._problem = self._monotonic(), ""

    async def until_lost(self) -> None:
        """Ask it every `retry`, one question at a time, and return when it is lost."""
        self.answered()
        asking = asyncio.create_task(self._ask())
        try:
            while not self.lost:
                await self._clock.sleep(self._terms.retry)
                if asking.done():
                    asking.result()
                    asking = asyncio.create_task(self._ask())
        finally:
            asking.cancel()

    async def _ask(self) -> None:
        """By way of those connections that append: what reads alone may have another."""
        try:
            await self._journal.backlog()
        except JournalError as error:
            self._problem = str(error)
        else:
            self.answered()
