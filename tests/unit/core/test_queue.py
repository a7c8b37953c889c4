"""A queue is a sorted list of places, however it is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from remediator.core.queue import LONGEST, Queue, before, position, put, take
from tests.unit.builders import at

places = st.tuples(st.integers(0, 2), st.integers(0, 9).map(at), st.sampled_from("abc"))


def flat(queue: Queue) -> list:
    return [place for part in queue for place in part]


@given(st.lists(st.tuples(st.booleans(), places), max_size=60), places)
def test_it_is_what_a_sorted_list_would_be(changes, asked):
    queue, expected = (), []
    for puts, place in changes:
        queue = put(queue, place) if puts else take(queue, place)
        expected = sorted({*expected, place}) if puts else [each for each in expected if each != place]
    assert flat(queue) == expected
    assert list(before(queue, asked)) == [each for each in expected if each < asked]
    assert position(queue, asked) == sum(each < asked for each in expected)


def test_thousands_are_kept_in_short_parts_in_whatever_order_they_come():
    numbers = [each * 7919 % 5000 for each in range(5000)]
    queue: Queue = ()
    for number in numbers:
        queue = put(queue, (4, at(number), str(number)))
    assert flat(queue) == sorted(flat(queue))
    assert len(flat(queue)) == 5000
    assert all(1 <= len(part) <= LONGEST for part in queue)
    assert position(queue, (4, at(2500), "2500")) == 2500
    for number in numbers[:4999]:
        queue = take(queue, (4, at(number), str(number)))
    assert len(flat(queue)) == 1
