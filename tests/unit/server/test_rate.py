"""Buckets: a burst, then so many a second, each key by itself, and not more keys than there is room for."""

from __future__ import annotations

from remediator.rate import MOST_KEYS, Pace, Rate


class Now:
    at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_burst_and_then_its_pace() -> None:
    now = Now()
    rate = Rate(Pace(3, 0.5), now)
    assert [rate.take("a") for _ in range(4)] == [True, True, True, False]
    assert rate.take("b")
    now.at = 2.0
    assert [rate.take("a") for _ in range(2)] == [True, False]
    now.at = 1000.0
    assert [rate.take("a") for _ in range(4)] == [True, True, True, False]


def test_looking_takes_nothing() -> None:
    rate = Rate(Pace(1, 1), Now())
    assert not rate.is_empty("a")
    assert rate.take("a")
    assert rate.is_empty("a")


def test_keys_are_bounded() -> None:
    rate = Rate(Pace(1, 0), Now())
    for number in range(MOST_KEYS + 10):
        rate.take(str(number))
    assert len(rate._buckets) == MOST_KEYS
