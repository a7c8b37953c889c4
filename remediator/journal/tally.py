"""How much waits in the inbox, kept beside the database by the one who writes to it, so that asking costs nothing."""

from __future__ import annotations

import time

Backlog = tuple[int, int]
"""A count of receipts and their bytes in all."""


class Tally:
    """The backlog as the last transaction left it. Written by the writer's thread alone, read by any."""

    def __init__(self) -> None:
        self._known: Backlog | None = None
        self._after: Backlog | None = None

    @property
    def known(self) -> Backlog | None:
        """The backlog; None where it has to be counted: nobody did yet, or how a transaction ended is not known."""
        return self._known

    def counted(self, backlog: Backlog) -> None:
        """The transaction under way found so much."""
        self._after = backlog

    def change(self, count: int, size: int) -> None:
        """The transaction under way adds so much, or takes it away where negative."""
        before = self._after or self._known
        if before is not None:
            self._after = (before[0] + count, before[1] + size)

    def keep(self) -> None:
        """The transaction was committed."""
        self._known, self._after = self._after or self._known, None

    def lose(self) -> None:
        """The transaction failed: at its very end it may have been committed all the same."""
        self._known = self._after = None


class SharedTally(Tally):
    """The backlog of an inbox that others fill and empty too: what was counted is known for `FRESH` seconds."""

    FRESH = 1.0

    def __init__(self) -> None:
        super().__init__()
        self._until = 0.0

    @property
    def known(self) -> Backlog | None:
        """As of the last count and what this writer did since; None where that is too old."""
        return super().known if time.monotonic() < self._until else None

    def counted(self, backlog: Backlog) -> None:
        """See `Tally.counted`."""
        super().counted(backlog)
        self._until = time.monotonic() + self.FRESH
