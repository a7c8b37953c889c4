"""Guard `confirm`: right before the write everything that led to it must still be so."""

from __future__ import annotations

import pytest

from remediator.core.model import CloseReason
from remediator.core.rules import When
from remediator.core.snapshot import Answer
from remediator.core.state import SeenSignal
from remediator.guards.confirm import GUARD
from tests.unit.builders import ESCALATE, START, at, incident, matcher, request, rule, snapshot, state, unknown

HOLDS = Answer("target.revision > 1", True)
FAILS = Answer("target.revision > 1", False)
UNKNOWN = Answer("target.revision > 1", None, "no such key: revision")


@pytest.mark.parametrize(
    ("facts", "age", "cleared_at", "verdict", "reason"),
    [
        ({}, 0, None, "allow", "signal, target and conditions are as they were"),
        ({}, 10, None, "allow", "signal, target and conditions are as they were"),
        ({}, 10.000001, None, "hold", "the live read is too old"),
        ({}, -1, None, "allow", "signal, target and conditions are as they were"),
        ({}, -1.000001, None, "hold", "the live read is too old"),  # the clock was set back since
        ({"uid": "uid-2"}, 0, None, "deny", "the target was replaced by another object of its name"),
        ({}, 0, START, "deny", "the signal is gone"),
        ({"answers": (HOLDS,)}, 0, None, "allow", "signal, target and conditions are as they were"),
        ({"answers": (HOLDS, FAILS)}, 0, None, "hold", "condition does not hold: target.revision > 1"),
        (
            {"answers": (UNKNOWN,)},
            0,
            None,
            "hold",
            "condition is unknown: target.revision > 1: no such key: revision",
        ),
        ({"unknown": "Unavailable: no route"}, 0, None, "hold", "live state is unknown: Unavailable: no route"),
        ({"unknown": "Unavailable: no route"}, 0, START, "hold", "live state is unknown: Unavailable: no route"),
    ],
)
def test_what_confirms(facts, age, cleared_at, verdict, reason):
    asked = request(incident(cleared_at=cleared_at))
    answer = GUARD.ask(asked, state(), snapshot(**facts).facts, at(age))
    assert (answer.verdict, answer.reason) == (verdict, reason)


STUCK, HUNG = (When((matcher("alertname", name),)) for name in ("KubeDeploymentRolloutStuck", "Hung"))


ANEW = (SeenSignal("a1", {}, at(31), resolved=True),)


@pytest.mark.parametrize(
    ("when", "step", "cause", "fields", "verdict", "why"),
    [
        (STUCK, 1, CloseReason.FAILED, {}, "allow", "the restart did not help, and starts this alert's clock anew"),
        (STUCK, 1, CloseReason.FAILED, {"since": at(30)}, "allow", "it has fired all the time until we wrote"),
        (STUCK, 1, CloseReason.FAILED, {"since": at(31)}, "deny", "it has fired again since, and that has ended"),
        (STUCK, 1, CloseReason.FAILED, {"signals": ANEW}, "deny", "one of its alerts began after we wrote"),
        (STUCK, 1, CloseReason.FAILED, {"carried_at": None}, "deny", "the restart was never made"),
        (STUCK, 1, CloseReason.REFUSED, {}, "deny", "no restart was made: whatever ended the alert, it was not us"),
        (STUCK, 0, None, {}, "deny", "nothing was done yet"),
        (HUNG, 1, CloseReason.FAILED, {}, "deny", "a restart does not end this alert by itself"),
    ],
)  # fmt: skip
def test_the_end_of_a_signal_that_a_rung_in_vain_may_have_silenced_says_nothing(
    when, step, cause, fields, verdict, why
):
    of = rule("r", "restart", "rollback", ESCALATE, when=when)
    about = {"cleared_at": at(60), "step": step, "cause": cause, "carried_at": at(30)} | fields
    answer = GUARD.ask(request(incident(of, **about)), state(), snapshot().facts, START)
    assert answer.verdict == verdict, why


def test_unknown_outweighs_that_the_uid_cannot_match():
    answer = GUARD.ask(request(), state(), unknown().facts, START)
    assert (answer.verdict, answer.retry_at) == ("hold", at(15))


@pytest.mark.parametrize(
    ("took", "since", "verdict", "retry_at", "reason"),
    [
        (60.0, 10.0, "allow", None, "signal, target and conditions are as they were"),
        (60.0, 10.000001, "hold", at(70.000001), "the live read is too old"),
        (60.000001, 0.0, "hold", at(75.000001), "the look took 60 s, longer than 60 s: is the API server slow?"),
    ],
)
def test_a_slow_look_counts_from_its_end_and_is_asked_for_again_with_a_pause(took, since, verdict, retry_at, reason):
    """A look that takes longer than a fresh one may be old is no reason to wait for ever."""
    seen = snapshot(taken_at=START, took=took).facts
    answer = GUARD.ask(request(), state(), seen, at(took + since))
    assert (answer.verdict, answer.retry_at, answer.reason) == (verdict, retry_at, reason)


def test_the_answer_keeps_the_conditions_it_saw():
    answer = GUARD.ask(request(), state(), snapshot(answers=(UNKNOWN,)).facts, START)
    assert answer.inputs["answers"] == [["target.revision > 1", None, "no such key: revision"]]
