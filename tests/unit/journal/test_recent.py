"""What was received just now is answered from memory only where that is all there is to answer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediator.journal import connect
from remediator.journal.recent import MOST_BYTES, Recent
from remediator.ports import Receipt

NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)


def held(*numbers: int, size: int = 1) -> Recent:
    recent = Recent()
    for number in numbers:
        recent.took(Receipt(number, NOW, "test", b"x" * size))
    return recent


@pytest.mark.parametrize(
    ("numbers", "after", "limit", "expected"),
    [
        ((1, 2, 3), 0, 16, [1, 2, 3]),
        ((1, 2, 3), 0, 2, [1, 2]),
        ((1, 2, 3), 1, 16, [2, 3]),
        ((1, 2, 3), 3, 16, []),
        ((2, 3), 0, 16, []),  # who took the first one is not known: it may wait in the database
        ((1, 3), 0, 16, []),  # so may the second
        ((1, 3), 0, 1, [1]),
        ((), 0, 16, []),
        ((1,), 0, 0, []),
    ],
)
def test_either_all_that_follow_or_none(numbers, after, limit, expected):
    assert [each.id for each in held(*numbers).following(after, limit)] == expected


def test_what_was_asked_for_or_consumed_is_held_no_longer():
    recent = held(1, 2, 3)
    assert len(recent.following(0, 2)) == 2
    assert recent.following(0, 16) == ()
    recent.forget([3])
    assert recent.following(2, 16) == ()


def test_no_more_is_held_than_fits_and_what_did_not_fit_is_not_passed_over():
    recent = held(1, 2, 3, size=MOST_BYTES // 2)
    assert [each.id for each in recent.following(0, 2)] == [1, 2]
    assert recent.following(2, 16) == ()
    recent.took(Receipt(4, NOW, "test", b"x"))
    assert recent.following(2, 16) == ()


def test_a_burst_that_does_not_fit_is_given_to_its_end(tmp_path: Path):
    """Fewer receipts than were asked for say that nothing more waits."""

    async def burst() -> list[int]:
        journal = connect(f"sqlite:///{tmp_path}/journal.db")
        body = b"x" * (MOST_BYTES // 10)
        await asyncio.gather(*(journal.receive("test", body, NOW) for _ in range(40)))
        found: list[int] = []
        while len(some := await journal.waiting(after=found[-1] if found else 0, limit=7)) == 7:
            found += (each.id for each in some)
        await journal.close()
        return [*found, *(each.id for each in some)]

    assert asyncio.run(burst()) == list(range(1, 41))
