"""Guard `veto`: alerts that must not fire and queries that must have no result; it fails closed."""

from __future__ import annotations

import pytest

from remediator.core.guarding import Veto
from remediator.core.surroundings import Gate, Surroundings
from remediator.guards.veto import GUARD
from tests.unit.builders import START, at, request, snapshot, state

BOTH = Veto(("ClusterUpgrade",), ("maintenance == 1",))
CALM = (Gate("ClusterUpgrade", False), Gate("maintenance == 1", False))


@pytest.mark.parametrize(
    ("veto", "gates", "verdict", "why"),
    [
        (Veto(), (), "allow", "nothing vetoes"),
        (BOTH, CALM, "allow", "neither is so"),
        (BOTH, (Gate("ClusterUpgrade", True), CALM[1]), "hold", "the alert fires"),
        (BOTH, (CALM[0], Gate("maintenance == 1", True)), "hold", "the query has a result"),
        (BOTH, (CALM[0], Gate("maintenance == 1", None, "time-out")), "hold", "unknown may be a veto"),
        (BOTH, CALM[:1], "hold", "one was not asked"),
        (BOTH, (), "hold", "none was asked"),
    ],
)
def test_what_must_not_be(veto, gates, verdict, why):
    seen = snapshot(around=Surroundings(gates=gates)).facts
    assert GUARD.ask(request(veto=veto), state(), seen, START).verdict == verdict, why


def test_the_reason_names_the_veto():
    seen = snapshot(around=Surroundings(gates=(Gate("ClusterUpgrade", True),))).facts
    answer = GUARD.ask(request(veto=BOTH), state(), seen, START)
    assert (answer.reason, answer.retry_at) == ("vetoed: ClusterUpgrade", at(15))
