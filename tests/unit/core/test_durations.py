"""Durations mean what Prometheus says they mean, and nothing else is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediator.core.durations import UNITS, DurationError, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("500ms", 0.5),
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("1h0m", 3600),
        ("007m", 420),
        ("1d", 86400),
        ("1w", 7 * 86400),
        ("1y", 365 * 86400),
        ("1y2w3d4h5m6s7ms", 365 * 86400 + 14 * 86400 + 3 * 86400 + 4 * 3600 + 306.007),
    ],
)
def test_reads_what_prometheus_reads(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("300", "no unit"),
        ("1h30", "without a unit"),
        ("-5m", "sign"),
        ("+5m", "sign"),
        ("1.5h", "fraction"),
        ("5min", "`min` is not a unit"),
        ("1µs", "`µs` is not a unit"),
        ("30m1h", "wrong order"),
        ("1h1h", "twice"),
        ("1h 30m", "spaces"),
        (" 1h", "spaces"),
        ("1h\n", "spaces"),
        ("400y", "too long"),
        ("9" * 90 + "s", "too long"),
        ("9" * 200 + "s", "longer than 100 characters"),
        ("٣m", "not a duration"),
        ("5M", "not a duration"),
    ],
)
def test_says_what_is_wrong(text, says):
    with pytest.raises(DurationError) as raised:
        parse_duration(text)
    assert says in raised.value.message
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.5, "500ms"), (90, "1m30s"), (86400 * 90, "90d"), (86400 * 14, "2w"), (86400 * 365, "1y")],
)
def test_writes_as_prometheus_writes(seconds, text):
    assert format_duration(seconds) == text


@given(st.integers(0, 10**12))
def test_what_is_written_reads_the_same(milliseconds):
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@given(st.lists(st.tuples(st.integers(0, 99), st.sampled_from(list(UNITS))), max_size=4))
def test_units_are_in_order_and_unique_or_refused(parts):
    text = "".join(f"{amount}{unit}" for amount, unit in parts)
    order = [list(UNITS).index(unit) for _, unit in parts]
    if parts and order == sorted(set(order)):
        assert parse_duration(text) * 1000 == pytest.approx(sum(amount * UNITS[unit] for amount, unit in parts))
    else:
        with pytest.raises(DurationError):
            parse_duration(text)


@given(st.text(max_size=30))
def test_any_text_is_a_duration_or_a_clear_mistake(text):
    try:
        assert parse_duration(text) >= 0
    except DurationError as error:
        mistake = error
    else:
        return
    assert mistake.message
    assert mistake.remedy
