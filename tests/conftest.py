"""What every test stands on: the lab's fixtures, and Hypothesis without a clock.

A property may take as long as the machine needs: no test asserts a time. `make soak` tries many more examples.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

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


class TwoLabs(LoadScopeScheduling):
    """How `-n 3` shares the tests out, by file: the first two processes have a lab each, the others compute meanwhile.

    What needs a lab mostly waits, so that two cores carry all three. Who has nothing of its own left takes the rest.
    """

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        wants_lab = node.gateway.id in ("gw0", "gw1")
        own = (scope for scope in self.workqueue if scope.startswith(_WITH_LAB) is wants_lab)
        if scope := next(own, None):
            self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)


_WITH_LAB = ("tests/contract/", "tests/fidelity/", "tests/real/")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer | None) -> TwoLabs:
    """Called by pytest-xdist where several processes share the tests."""
    return TwoLabs(config, log)
