"""Places in order, as a frozen value in which one more or one fewer is cheap among ten thousand.

It is a tuple of short tuples, each sorted and before the next: a change copies one of them and the list of all.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime
from itertools import chain, islice
from operator import itemgetter
from typing import TypeAlias

Place: TypeAlias = tuple[int, datetime, str]
"""A waiting incident's place: severity (0 is the gravest), when it was opened, its id. The least is the first."""

Queue: TypeAlias = tuple[tuple[Place, ...], ...]

LONGEST = 256
"""Places in one part; one more, and it is cut in two."""


def put(queue: Queue, place: Place) -> Queue:
    """The queue with one more place; as it is where it has that place already."""
    if not queue:
        return ((place,),)
    at = _part_of(queue, place)
    part = queue[at]
    here = bisect_left(part, place)
    if here < len(part) and part[here] == place:
        return queue
    part = (*part[:here], place, *part[here:])
    if len(part) <= LONGEST:
        return (*queue[:at], part, *queue[at + 1 :])
    return (*queue[:at], part[: LONGEST // 2], part[LONGEST // 2 :], *queue[at + 1 :])


def take(queue: Queue, place: Place) -> Queue:
    """The queue without a place; as it is where it does not have it."""
    if not queue:
        return queue
    at = _part_of(queue, place)
    part = queue[at]
    here = bisect_left(part, place)
    if here == len(part) or part[here] != place:
        return queue
    part = (*part[:here], *part[here + 1 :])
    return (*queue[:at], *((part,) if part else ()), *queue[at + 1 :])


def position(queue: Queue, place: Place) -> int:
    """How many stand before a place, whether or not it is in the queue."""
    if not queue:
        return 0
    at = _part_of(queue, place)
    return sum(map(len, queue[:at])) + bisect_left(queue[at], place)


def before(queue: Queue, place: Place) -> Iterator[Place]:
    """Those that stand before a place, the first one first."""
    return islice(chain.from_iterable(queue), position(queue, place))


def _part_of(queue: Queue, place: Place) -> int:
    """The part that a place is in, or would be put into: the last one that does not begin after it."""
    return max(bisect_right(queue, place, key=itemgetter(0)) - 1, 0)
