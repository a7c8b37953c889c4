"""The payloads that this process took last: whoever works on them need not read them from the database again.

Only for an inbox that is one process's own: what another one consumed or took is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable

from remediator.ports import Receipt

MOST_BYTES = 4 << 20
"""Bytes of them that are held at most; what is beyond that is read from the database when its turn comes."""


class Recent:
    """Receipts by their numbers, from the commit that made them durable until they are asked for or consumed."""

    def __init__(self) -> None:
        self._held: dict[int, Receipt] = {}
        self._bytes = self._last = 0

    def took(self, receipt: Receipt) -> None:
        """A payload was made durable."""
        self._last = max(self._last, receipt.id)
        if self._bytes + len(receipt.body) <= MOST_BYTES:
            self._held[receipt.id] = receipt
            self._bytes += len(receipt.body)

    def following(self, after: int, limit: int) -> tuple[Receipt, ...]:
        """The receipts right behind a number: as many as may be, or all that were taken here. None where some of them
        are not held here: the database has to be asked, since fewer than `limit` say that there are no more.

        They are held no longer: who asks for those behind `after` has all before.
        """
        found: list[Receipt] = []
        while len(found) < limit and (receipt := self._held.get(after + len(found) + 1)) is not None:
            found.append(receipt)
        last = after + len(found)
        self.forget(number for number in list(self._held) if number <= last)
        return tuple(found) if len(found) == limit or last == self._last else ()

    def forget(self, numbers: Iterable[int]) -> None:
        """These are not to be given any more."""
        for number in numbers:
            gone = self._held.pop(number, None)
            self._bytes -= len(gone.body) if gone else 0
