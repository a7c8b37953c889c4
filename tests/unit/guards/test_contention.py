"""Guard `contention`: five planned writes without effect are enough."""

from __future__ import annotations

import pytest

from remediator.guards.contention import GUARD
from tests.unit.builders import START, incident, request, snapshot, state


@pytest.mark.parametrize(("tries", "verdict"), [(0, "allow"), (4, "allow"), (5, "deny"), (6, "deny")])
def test_the_fifth_write_is_the_last_one(tries, verdict):
    asked = request(incident(tries=tries))
    assert GUARD.ask(asked, state(), snapshot().facts, START).verdict == verdict
