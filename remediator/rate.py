"""How often somebody may ask: a bucket of tokens each, filled as time goes by."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from remediator.core.model import Value

MOST_KEYS = 10_000
"""Buckets kept; one more, and the one that was asked of the longest ago goes: full again, in favour of whoever asks."""


class Pace(Value, frozen=True):
    """`burst` at once, then `per_second`."""

    burst: float
    per_second: float


class Rate:
    """One bucket for each key."""

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace, self._clock = pace, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str = "") -> bool:
        """Whether there is a token left for this key; it is gone then."""
        now, left = self._clock(), self._left(key)
        self._buckets[key] = (left - 1 if left >= 1 else left, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > MOST_KEYS:
            self._buckets.popitem(last=False)
        return left >= 1

    def is_empty(self, key: str) -> bool:
        """Whether `take` would fail now."""
        return self._left(key) < 1

    def _left(self, key: str) -> float:
        left, at = self._buckets.get(key, (self._pace.burst, self._clock()))
        return min(self._pace.burst, left + (self._clock() - at) * self._pace.per_second)
