"""Guard `mode`: off denies; observe, approve and enforce go on, each to its own end."""

from __future__ import annotations

import pytest

from remediator.core.model import Mode
from remediator.guards.mode import GUARD
from tests.unit.builders import START, policy, request, rule, snapshot, state
from tests.unit.builders import incident as incident_of


@pytest.mark.parametrize(
    ("mode", "verdict"),
    [
        (Mode.OFF, "deny"),
        (Mode.OBSERVE, "allow"),
        (Mode.APPROVE, "allow"),
        (Mode.ENFORCE, "allow"),
    ],
)
def test_what_each_effective_mode_means(mode, verdict):
    assert GUARD.ask(request(mode=mode), state(), snapshot().facts, START).verdict == verdict


@pytest.mark.parametrize(
    ("levels", "lowest"),
    [
        ((), Mode.OBSERVE),
        ((None, None), Mode.OBSERVE),
        ((Mode.ENFORCE,), Mode.ENFORCE),
        ((None, Mode.ENFORCE), Mode.ENFORCE),
        ((Mode.ENFORCE, Mode.APPROVE), Mode.APPROVE),
        ((Mode.APPROVE, Mode.OBSERVE, Mode.ENFORCE), Mode.OBSERVE),
        ((Mode.OBSERVE, Mode.OFF), Mode.OFF),
    ],
)
def test_the_lowest_of_all_levels_that_say_something_wins(levels, lowest):
    assert Mode.lowest(*levels) is lowest


def test_the_answer_says_what_each_level_wrote():
    about = incident_of(rule(mode=Mode.OBSERVE))
    verdict = GUARD.ask(request(about, Mode.OBSERVE), state(policy=policy()), snapshot().facts, START)
    assert verdict.inputs == {"settings": "enforce", "rule": "observe", "effective": "observe"}


def test_switched_off_is_no_reason_to_tell_a_person():
    assert GUARD.quiet
