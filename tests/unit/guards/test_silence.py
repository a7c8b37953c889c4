"""Guard `silence`: an alert that somebody silenced is no reason to act."""

from __future__ import annotations

import pytest

from remediator.core.surroundings import Surroundings
from remediator.guards.silence import GUARD
from tests.unit.builders import START, at, request, snapshot, state


@pytest.mark.parametrize(
    ("silences", "verdict", "retry_at"),
    [
        ((), "allow", None),
        (("KubeFoo is silenced by alice",), "hold", at(60)),
        (("KubeFoo is inhibited by NodeDown", "KubeBar is silenced by bob"), "hold", at(60)),
    ],
)
def test_hands_off_what_is_known_to_be_silenced(silences, verdict, retry_at):
    answer = GUARD.ask(request(), state(), snapshot(around=Surroundings(silences=silences)).facts, START)
    assert (answer.verdict, answer.retry_at) == (verdict, retry_at)
    assert all(each in answer.reason for each in silences)
