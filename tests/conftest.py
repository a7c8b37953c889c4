"""What every test stands on: the lab's fixtures, and Hypothesis without a clock.

A property may take as long as the machine needs: no test asserts a time. `make soak` tries many more examples.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

pytest_plugins = ["tests.lab.fixtures"]

settings.register_profile("remediator", deadline=None, print_blob=True)
settings.register_profile("soak", deadline=None, print_blob=True, max_examples=20_000)
settings.register_profile(
    "mutants",  # found is enough, and slow is not found
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)
settings.load_profile("remediator")


class OneLab(LoadScopeScheduling):
    """How `-n 2` shares the tests out: what may need the lab to one process, so that one lab runs; the rest by file."""

    def _split_scope(self, nodeid: str) -> str:
        folder = "/".join(nodeid.split("/", 2)[:2])
        return "lab" if folder in ("tests/contract", "tests/fidelity", "tests/real") else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer | None) -> OneLab:
    """Called by pytest-xdist where several processes share the tests."""
    return OneLab(config, log)
