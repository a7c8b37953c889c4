"""The arithmetic of the benchmarks: quantiles, medians and spreads of what was measured. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least that share (above 0, up to 1) of all values do not exceed: the nearest rank,
    so that every answer was really measured. `ValueError` where there are no values.
    """
    if not values or not 0 < share <= 1:
        raise ValueError(f"no {share} quantile of {len(values)} values")
    # Shares such as 0.99 are no binary fractions: 0.99 * 100 must be rank 99 whichever way it is rounded.
    rank = math.ceil(round(share * len(values), 9))
    return sorted(values)[rank - 1]


def median(values: Sequence[float]) -> float:
    """The middle value; the lower of the two of an even number."""
    return quantile(values, 0.5)


@dataclass(frozen=True)
class Spread:
    """What repeated measurements of one thing gave: their median, least and greatest."""

    median: float
    least: float
    greatest: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of repeated measurements."""
    return Spread(median(values), min(values), max(values))


def differences(ours: Sequence[float], floors: Sequence[float]) -> list[float]:
    """How far each of our measurements lies above the floor measured beside it."""
    return [our - floor for our, floor in zip(ours, floors, strict=True)]


def slope(values: Sequence[float]) -> float:
    """By how much values measured at equal distances grow from one to the next: the line of least squares through them.

    `ValueError` where there are fewer than two.
    """
    if len(values) < 2:
        raise ValueError(f"no slope of {len(values)} values")
    middle = (len(values) - 1) / 2
    mean = math.fsum(values) / len(values)
    return math.fsum((place - middle) * (value - mean) for place, value in enumerate(values)) / math.fsum(
        (place - middle) ** 2 for place in range(len(values))
    )
