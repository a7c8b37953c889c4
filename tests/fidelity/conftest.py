"""All sequences that a run of the tests wants are played before the first test, several at a time."""

from __future__ import annotations

import asyncio

import pytest

from tests.fidelity.sequences import SEQUENCES
from tests.fidelity.stage import Played, Stage
from tests.lab.lab import Lab


@pytest.fixture(scope="session")
def played(lab: Lab, request: pytest.FixtureRequest) -> dict[str, Played | BaseException]:
    """What came of every sequence that a selected test is about."""
    about = [getattr(item, "callspec", None) for item in request.session.items]
    wanted = {spec.params["sequence"] for spec in about if spec and "sequence" in spec.params}
    return asyncio.run(Stage(lab).play(one for name, one in SEQUENCES.items() if name in wanted))
