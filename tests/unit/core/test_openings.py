"""When a set of time intervals is open, and when it next opens for long enough, by the clocks of its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediator.core.openings import HORIZON, is_open, next_open
from remediator.core.windows import TimeInterval

DAY = TimeInterval(times=((9 * 60, 17 * 60),), weekdays=((1, 5),))
NIGHT = TimeInterval(times=((21 * 60, 5 * 60),))
FRIDAY_NIGHT = TimeInterval(times=((22 * 60, 4 * 60),), weekdays=((5, 5),))
BERLIN = TimeInterval(times=((9 * 60, 17 * 60),), location="Europe/Berlin")
NEVER = TimeInterval(years=((1999, 1999),))
ALWAYS = TimeInterval()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "at", "holds", "why"),
    [
        (DAY, "2026-01-05 09:00", True, "a Monday; the start is inclusive"),
        (DAY, "2026-01-05 08:59:59", False, "a second before"),
        (DAY, "2026-01-05 16:59:59", True, "a second before the end"),
        (DAY, "2026-01-05 17:00", False, "the end is exclusive"),
        (DAY, "2026-01-04 12:00", False, "a Sunday"),
        (NIGHT, "2026-01-05 23:00", True, "21:00-05:00 that was never true (kured 204)"),
        (NIGHT, "2026-01-05 04:59", True, "after midnight"),
        (NIGHT, "2026-01-05 05:00", False, "its end"),
        (FRIDAY_NIGHT, "2026-01-09 23:00", True, "a Friday"),
        (FRIDAY_NIGHT, "2026-01-10 03:00", True, "Saturday's morning belongs to the night that began on Friday"),
        (FRIDAY_NIGHT, "2026-01-09 03:00", False, "Friday's morning to the one that began on Thursday (kured 204)"),
        (BERLIN, "2026-01-05 08:00", True, "winter: 09:00 in Berlin"),
        (BERLIN, "2026-07-06 07:00", True, "summer: 09:00 in Berlin"),
        (BERLIN, "2026-07-06 15:00", False, "summer: 17:00 in Berlin"),
    ],
)
def test_when_an_interval_holds(interval, at, holds, why):
    assert is_open(((interval,),), (), utc(at)) is holds, why


@pytest.mark.parametrize(
    ("active", "muted", "open_", "why"),
    [
        ((), (), True, "no window is set"),
        (((ALWAYS,),), (), True, ""),
        (((NEVER,),), (), False, ""),
        (((NEVER, ALWAYS),), (), True, "of one level any is enough"),
        (((NEVER,), (ALWAYS,)), (), False, "of several levels each must hold"),
        (((ALWAYS,),), (ALWAYS,), False, "a mute outweighs what is active"),
        ((), (NEVER,), True, "a mute that does not hold"),
    ],
)
def test_deny_beats_allow(active, muted, open_, why):
    assert is_open(active, muted, utc("2026-01-05 12:00")) is open_, why


@pytest.mark.parametrize(
    ("active", "muted", "at", "minutes", "opens", "why"),
    [
        (((DAY,),), (), "2026-01-05 12:00", 10, "2026-01-05 12:00", "open, and for long enough"),
        (((DAY,),), (), "2026-01-05 16:50", 10, "2026-01-05 16:50", "ends exactly with the window"),
        (((DAY,),), (), "2026-01-05 16:50:01", 10, "2026-01-06 09:00", "would end a second after it"),
        (((DAY,),), (), "2026-01-05 18:00", 10, "2026-01-06 09:00", "closed until the next morning"),
        (((DAY,),), (), "2026-01-09 17:00", 10, "2026-01-12 09:00", "closed over the weekend"),
        (((DAY,),), (), "2026-01-05 12:00", 481, None, "no window is that long"),
        (((NEVER,),), (), "2026-01-05 12:00", 0, None, "never"),
        (((NEVER,),), (), "2026-01-05 12:00", 10, None, "never"),
        (((NIGHT,),), (), "2026-01-05 20:00", 60, "2026-01-05 21:00", "tonight"),
        (((NIGHT,),), (), "2026-01-05 04:30", 60, "2026-01-05 21:00", "the rest of the night is too short"),
        (((DAY,), (NIGHT,)), (), "2026-01-05 12:00", 1, None, "the two never meet"),
        ((), (DAY,), "2026-01-05 12:00", 10, "2026-01-05 17:00", "a mute ends"),
        ((), (DAY,), "2026-01-05 08:55", 10, "2026-01-05 17:00", "a mute begins too soon"),
        (
            ((DAY,),),
            (TimeInterval(days_of_month=((6, 6),)),),
            "2026-01-05 18:00",
            10,
            "2026-01-07 09:00",
            "muted a day",
        ),
        (((BERLIN,),), (), "2026-03-28 20:00", 10, "2026-03-29 07:00", "clocks are set forward that night"),
        (((BERLIN,),), (), "2026-10-24 20:00", 10, "2026-10-25 08:00", "clocks are set back that night"),
    ],
)
def test_when_it_next_opens_for_long_enough(active, muted, at, minutes, opens, why):
    found = next_open(active, muted, utc(at), timedelta(minutes=minutes))
    assert found == (opens and utc(opens)), why


def test_an_hour_that_happens_twice_is_counted_twice():
    """02:00-03:00 in Berlin, when clocks are set back from 03:00 to 02:00: two hours long."""
    twice = TimeInterval(times=((120, 180),), location="Europe/Berlin")
    opens = next_open(((twice,),), (), utc("2026-10-24 12:00"), timedelta(minutes=120))
    assert opens == utc("2026-10-25 00:00")


def test_an_hour_that_never_happens_is_skipped():
    """02:00-03:00 in Berlin, when clocks are set forward from 02:00 to 03:00: not that night."""
    never = TimeInterval(times=((120, 180),), location="Europe/Berlin")
    opens = next_open(((never,),), (), utc("2026-03-28 12:00"), timedelta(minutes=10))
    assert opens == utc("2026-03-30 00:00")


minutes = st.integers(0, 1439)
ranges = st.tuples(minutes, minutes).filter(lambda pair: pair[0] != pair[1])
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
intervals = st.builds(
    TimeInterval,
    times=st.lists(ranges, max_size=2).map(tuple),
    weekdays=st.lists(st.tuples(st.integers(0, 3), st.integers(3, 6)), max_size=1).map(tuple),
    location=zones,
)
instants = st.datetimes(datetime(2026, 3, 20), datetime(2026, 11, 5)).map(lambda at: at.replace(tzinfo=UTC))


@given(
    st.lists(st.lists(intervals, min_size=1, max_size=2).map(tuple), max_size=2).map(tuple),
    st.lists(intervals, max_size=1).map(tuple),
    instants,
    st.integers(0, 300),
)
def test_what_is_found_is_open_from_its_first_minute_to_its_last_and_nothing_earlier_is(active, muted, at, lasting):
    """Compared with looking at every minute."""
    found = next_open(active, muted, at, timedelta(minutes=lasting))
    if found is not None:
        assert at <= found <= at + HORIZON
        steps = range(0, lasting * 60, 60)
        assert all(is_open(active, muted, found + timedelta(seconds=step)) for step in steps)
        if found > at:
            before = found - timedelta(microseconds=1)
            assert not is_open(active, muted, before) or before < at
    elif lasting == 0:
        assert not any(is_open(active, muted, at + timedelta(minutes=each)) for each in range(0, 8 * 1440, 7))
