"""What an incident wants next, and when; and the list of who wants something first."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediator.agenda import Agenda, Errand, backoff, wanted
from remediator.core.events import Escalated
from remediator.core.model import CloseReason, Phase
from remediator.core.rules import When
from tests.unit.builders import START, at, incident, matcher, rule

OF = rule(when=When((matcher("alertname", "Stuck"),), for_=120.0, keep_firing_for=60.0))
FAILED, REFUSED = CloseReason.FAILED, CloseReason.REFUSED
TOLD = Escalated("oncall", "requested", FAILED)


@pytest.mark.parametrize(
    ("fields", "errand", "seconds"),
    [
        ({"phase": Phase.PENDING}, Errand.LOOK, 120),
        ({"phase": Phase.PENDING, "cleared_at": at(200)}, Errand.TICK, 260),
        ({"phase": Phase.PENDING, "cleared_at": at(200), "cause": REFUSED}, Errand.TICK, 260),
        ({"phase": Phase.PENDING, "cleared_at": at(200), "cause": FAILED}, Errand.LOOK, 120),
        ({"phase": Phase.ACTING}, Errand.CARRY, 0),
        ({"phase": Phase.ACTING, "cleared_at": at(200)}, Errand.CARRY, 0),
        ({"phase": Phase.VERIFYING}, Errand.LOOK, 0),
        ({"phase": Phase.VERIFYING, "cleared_at": at(200)}, Errand.LOOK, 0),
        ({"phase": Phase.WORKING}, Errand.LOOK, 0),
        ({"phase": Phase.UNDOING}, Errand.CARRY, 0),
        ({"phase": Phase.ESCALATING, "escalation": TOLD, "cleared_at": at(200)}, Errand.TICK, 260),
        ({"phase": Phase.AWAITING, "expires_at": at(900)}, Errand.TICK, 900),
        ({"phase": Phase.AWAITING, "expires_at": at(900), "cleared_at": at(200)}, Errand.TICK, 260),
        ({"phase": Phase.AWAITING, "expires_at": at(900), "cleared_at": at(200), "cause": FAILED}, Errand.TICK, 900),
        ({"phase": Phase.RESTING}, None, None),
        ({"phase": Phase.RESTING, "cleared_at": at(200)}, Errand.TICK, 260),
        ({"phase": Phase.RESTING, "cleared_at": at(200), "cause": FAILED}, Errand.TICK, 260),
    ],
)
def test_what_an_incident_wants(fields, errand, seconds):
    assert wanted(incident(OF, **fields)) == (None if errand is None else (errand, at(seconds)))


def test_the_latest_word_about_an_incident_counts():
    agenda = Agenda()
    agenda.put("a", at(10))
    agenda.put("a", at(20))
    agenda.put("b", at(30))
    agenda.drop("b")
    assert agenda.next_at() == at(20)
    assert agenda.take(at(19.999999)) == ""
    assert agenda.take(at(20)) == "a"
    assert agenda.take(at(99)) == ""
    assert agenda.next_at() is None


def test_an_earlier_word_may_come_later_too():
    agenda = Agenda()
    agenda.put("a", at(20))
    agenda.put("a", at(10))
    assert agenda.take(at(10)) == "a"
    assert agenda.take(at(20)) == ""


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9) | st.none()), max_size=30), st.integers(0, 9))
def test_it_gives_out_whoever_is_due_each_once_in_order(words, now):
    agenda, model = Agenda(), dict[str, datetime]()
    for name, seconds in words:
        if seconds is None:
            agenda.drop(name)
            model.pop(name, None)
        else:
            agenda.put(name, at(seconds))
            model[name] = at(seconds)
    assert agenda.next_at() == min(model.values(), default=None)
    taken = []
    while name := agenda.take(at(now)):
        taken.append(name)
    assert taken == sorted((name for name in model if model[name] <= at(now)), key=lambda name: (model[name], name))


def test_the_wait_doubles_up_to_half_a_minute():
    assert [backoff(misses).total_seconds() for misses in (0, 1, 2, 4, 5, 50)] == [1, 2, 4, 16, 30, 30]
    assert START + backoff(0) == at(1)
