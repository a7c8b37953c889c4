"""Tides: how many matched, and until when; never remembered lower than it was, and in bounded space."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from remediator.core.events import IncidentClosed
from remediator.core.fold.bounds import bounded
from remediator.core.guarding import LONGEST_WINDOW
from remediator.core.memory import Tide
from remediator.core.model import CloseReason
from tests.unit.builders import at, rule
from tests.unit.waiting import Crowd

KEY = "r|Deployment|shop"


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), max_size=40))
def test_it_knows_when_so_many_last_matched(history):
    """Compared with a list of everything that ever was."""
    crowd, now, was = Crowd(rule("r")), 0, [(0, 0)]
    for number, fires, pause in history:
        now += pause
        name = f"i{number}"
        if name not in crowd.state.incidents:
            crowd.opens(name, "r", now)
        elif fires:
            crowd.fires(name, now)
        else:
            crowd.clears(name, now)
        was.append((now, sum(each.cleared_at is None for each in crowd.state.incidents.values())))
    tide = crowd.state.tides.get(KEY, Tide())
    assert tide.matched == was[-1][1]
    for number in range(1, 7):
        ends = [end for (_, matched), (end, _) in pairwise(was) if matched >= number]
        expected = at(now) if tide.matched >= number else max((at(end) for end in ends), default=None)
        assert tide.last_at(number, at(now)) == expected


def test_thousands_that_clear_one_after_the_other_are_few_numbers_and_none_is_too_low():
    crowd = Crowd(rule("r"))
    for each in range(1000):
        crowd.opens(f"i{each}", "r")
    ends: dict[int, datetime] = {}
    for each in range(1000):
        crowd.clears(f"i{each}", each + 1)
        ends[1000 - each] = at(each + 1)
    tide = crowd.state.tides[KEY]
    assert len(tide.ebbs) < 150
    for number, end in ends.items():
        last = tide.last_at(number, at(2000))
        assert last >= end
        assert last <= ends[max(number - number // 16 - 1, 1)]


def test_a_closed_incident_matches_no_more():
    crowd = Crowd(rule("r"))
    crowd.opens("i", "r")
    crowd.about("i", IncidentClosed(CloseReason.RECOVERED), 5)
    assert crowd.state.tides[KEY] == Tide(0, ((at(5), 1),))


def test_what_is_older_than_anybody_looks_back_to_is_forgotten():
    crowd = Crowd(rule("r"))
    for name in ("old", "new"):
        crowd.opens(name, "r")
    crowd.clears("old", 5)
    crowd.clears("new", 5 + LONGEST_WINDOW)
    assert crowd.state.tides[KEY].ebbs == ((at(5 + LONGEST_WINDOW), 1),)
    assert KEY not in bounded(crowd.state, at(6 + 2 * LONGEST_WINDOW), least=0).tides
