"""Guard `window`: act only within active intervals, never within muted ones, and only what can end inside."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from remediator.core.rules import Until
from remediator.core.windows import TimeInterval
from remediator.guards.window import GUARD
from tests.unit.builders import incident, policy, request, rule, snapshot, state

INTERVALS = {
    "business-hours": (TimeInterval(times=((540, 1020),), weekdays=((1, 5),)),),
    "nights": (TimeInterval(times=((1260, 300),)),),
    "freeze": (TimeInterval(days_of_month=((24, 26),), months=((12, 12),)),),
    "never": (TimeInterval(years=((1999, 1999),)),),
    "broken": (TimeInterval(location="Mars/Olympus"),),
}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ask(at: str, active: tuple = (), mute: tuple[str, ...] = (), within: float = 600.0):
    about = incident(rule("r", until=Until(for_=1, within=within)))
    asked = request(about, active_time_intervals=active, mute_time_intervals=mute)
    return GUARD.ask(asked, state(policy=policy(time_intervals=INTERVALS)), snapshot().facts, utc(at))


@pytest.mark.parametrize(
    ("at", "active", "mute", "opens", "why"),
    [
        ("2026-01-05 12:00", (), (), None, "no window is set"),
        ("2026-01-05 12:00", (("business-hours",),), (), None, "inside"),
        ("2026-01-05 09:00", (("business-hours",),), (), None, "the very start is inside"),
        ("2026-01-05 08:59:59", (("business-hours",),), (), "2026-01-05 09:00", "a second before"),
        ("2026-01-05 16:50", (("business-hours",),), (), None, "a step of ten minutes ends with the window"),
        ("2026-01-05 16:50:01", (("business-hours",),), (), "2026-01-06 09:00", "it would end a second later"),
        ("2026-01-05 17:00", (("business-hours",),), (), "2026-01-06 09:00", "the end is outside"),
        ("2026-01-05 23:00", (("business-hours", "nights"),), (), None, "of one level any is enough"),
        ("2026-12-24 12:00", (("business-hours",),), ("freeze",), "2026-12-28 09:00", "a mute outweighs"),
        ("2026-12-23 23:55", (), ("freeze",), "2026-12-27 00:00", "a mute begins too soon"),
    ],
)
def test_when_the_window_is_open_for_long_enough(at, active, mute, opens, why):
    answer = ask(at, active, mute)
    assert (answer.verdict, answer.retry_at) == (("hold", utc(opens)) if opens else ("allow", None)), why


def test_a_window_over_midnight_that_was_never_true():
    """kured 204: 21:00-05:00 compared as times of one day is empty."""
    assert ask("2026-01-05 23:30", (("nights",),)).verdict == "allow"
    assert ask("2026-01-06 04:00", (("nights",),)).verdict == "allow"
    assert ask("2026-01-06 12:00", (("nights",),)).verdict == "hold"


def test_of_what_each_level_names_one_must_hold():
    """A rule cannot open a window that the settings keep shut."""
    assert ask("2026-01-05 23:00", (("business-hours",), ("nights",))).verdict == "hold"
    assert ask("2026-01-05 12:00", (("business-hours",), ("business-hours", "nights"))).verdict == "allow"


@pytest.mark.parametrize("levels", [{"active": (("no-such",),)}, {"mute": ("no-such",)}])
def test_a_name_that_nobody_knows_is_closed(levels):
    answer = ask("2026-01-05 12:00", **levels)
    assert (answer.verdict, answer.reason) == ("hold", "closed: no such time interval: no-such")
    assert answer.retry_at == utc("2026-01-05 12:01")


def test_an_interval_that_cannot_be_understood_is_closed():
    """It raises, and a guard that raises denies."""
    with pytest.raises(Exception, match="Mars"):
        ask("2026-01-05 12:00", (("broken",),))


def test_one_that_never_opens_is_asked_for_again_after_hours():
    answer = ask("2026-01-05 12:00", (("never",),))
    assert answer.reason == "closed, and does not open for long enough within days"
    assert answer.retry_at == utc("2026-01-05 18:00")


def test_the_steps_own_time_counts():
    assert ask("2026-01-05 12:00", (("business-hours",),), within=18000.0).verdict == "allow"
    assert ask("2026-01-05 12:00:01", (("business-hours",),), within=18000.0).verdict == "hold"


def test_the_reason_tells_closed_from_too_short():
    assert ask("2026-01-05 18:00", (("business-hours",),)).reason == "closed until 2026-01-06 09:00:00Z"
    assert ask("2026-01-05 16:59", (("business-hours",),)).reason == (
        "open, but the step could not end inside until 2026-01-06 09:00:00Z"
    )
