"""Guard `mode`: off denies; observe, approve and enforce go on, each to its own end."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediator.core.model import Mode
from remediator.core.rules import Step
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


@pytest.mark.parametrize(
    ("settings", "own", "step", "effective"),
    [
        (Mode.ENFORCE, Mode.ENFORCE, None, Mode.ENFORCE),
        (Mode.ENFORCE, Mode.ENFORCE, Mode.APPROVE, Mode.APPROVE),
        (Mode.ENFORCE, None, Mode.OBSERVE, Mode.OBSERVE),
        (Mode.ENFORCE, Mode.APPROVE, Mode.ENFORCE, Mode.APPROVE),
        (Mode.OBSERVE, Mode.ENFORCE, Mode.APPROVE, Mode.OBSERVE),
        (Mode.OFF, Mode.ENFORCE, Mode.ENFORCE, Mode.OFF),
    ],
)
def test_a_step_lowers_what_stands_above_it_and_raises_nothing(settings, own, step, effective):
    about = rule("r", Step("restart", {}, None, step), Step("rollback"), mode=own)
    journal = state(policy=policy(mode=settings))
    assert journal.mode_of(about, 0) is effective
    assert journal.mode_of(about, 1) is journal.mode_of(about) is Mode.lowest(settings, own)


def test_a_step_that_the_files_lower_meanwhile_is_lowered():
    begun = rule("r", Step("restart"), Step("rollback"))
    now = rule("r", Step("restart", {}, None, Mode.OBSERVE))
    journal = state(policy=policy())
    journal = replace(journal, rules=journal.rules.set("r", now))
    assert [journal.mode_of(begun, step) for step in (0, 1)] == [Mode.OBSERVE, Mode.ENFORCE]


def test_the_answer_says_what_the_step_wrote():
    about = incident_of(rule("r", Step("restart", {}, None, Mode.APPROVE)))
    verdict = GUARD.ask(request(about, Mode.APPROVE), state(policy=policy()), snapshot().facts, START)
    assert verdict.inputs["step"] == "approve"


def test_switched_off_is_no_reason_to_tell_a_person():
    assert GUARD.quiet
