"""Silences of a rule test: what is silenced is not told, and holds what was told before."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.trial.playing import LOOPS, WEB, played

SHOP = 'Loops{namespace="shop"}'


@pytest.mark.parametrize(
    ("silence", "writes"),
    [
        (f"{{matchers: '{SHOP}'}}", "[]"),
        (f"{{matchers: '{SHOP}', until: 10m}}", "[{action: restart, after: 10m, by: 11m}]"),
        (f"{{matchers: '{SHOP}', at: 5m}}", "[{action: restart, at: 1m}]"),
        ("{matchers: 'Loops{namespace=\"other\"}'}", "[{action: restart, at: 1m}]"),
    ],
)
def test_an_alert_that_is_silenced_is_told_when_the_silence_is_over(tmp_path: Path, silence: str, writes: str) -> None:
    result = played(
        tmp_path,
        f"cluster: [{WEB}]\nalerts: [{LOOPS}]\nsilences: [{silence}]\nexpect: [{{at: 20m, writes: {writes}}}]",
    )
    assert (result.problems, result.disagreements) == ((), ())


def test_the_end_of_an_alert_that_is_silenced_is_found_out_by_asking(tmp_path: Path) -> None:
    """No webhook tells of it: three answers in a row have to lack it."""
    alert = LOOPS.replace("at: 1m", "at: 1m, until: 8m")
    result = played(
        tmp_path,
        f"cluster: [{WEB}]\nalerts: [{alert}]\nsilences: [{{matchers: '{SHOP}', at: 90s}}]\n"
        "expect: [{at: 20m, incidents: [{phase: closed}]}]",
    )
    assert (result.problems, result.disagreements) == ((), ())
