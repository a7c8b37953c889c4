"""What every test stands on: the lab's fixtures, Hypothesis without a clock, and who takes which tests when.

A property may take as long as the machine needs: no test asserts a time. `make soak` tries many more examples.
"""

from __future__ import annotations

import gc
import os
import sys

import pytest
from hypothesis import HealthCheck, Phase, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

pytest_plugins = ["tests.lab.fixtures"]

# The product is started some hundred times, and each process here rewrites every test: once is enough.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

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
        return file_of(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        wants_lab = node.gateway.id in ("gw0", "gw1")
        own = (scope for scope in self.workqueue if scope.startswith(_WITH_LAB) is wants_lab)
        if scope := next(own, None):
            self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        """Give a process its next file with the last test of the one before, no earlier: another may be free first."""
        if node.shutting_down or not self.workqueue or self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)


_WITH_LAB = ("tests/contract/", "tests/fidelity/", "tests/real/")
_LONG = (
    "tests/simulation/test_promises.py",
    "tests/fidelity/test_fidelity.py",
    "tests/real/test_two_replicas.py",
    "tests/real/test_reconciliation.py",
    "tests/real/test_workload_actions.py",
    "tests/real/test_rule_pack.py",
    "tests/real/test_main_job.py",
    "tests/real/test_trouble.py",
    "tests/real/test_alertmanagers.py",
    "tests/real/test_queries.py",
    "tests/real/test_left_alone.py",
    "tests/real/test_chart.py",
    "tests/real/test_objects.py",
    "tests/real/test_rbac.py",
    "tests/real/test_chart_rights.py",
    "tests/real/test_quorum.py",
    "tests/fuzz/test_webhook.py",
    "tests/unit/trial/test_rule_pack.py",
    "tests/unit/core/test_bounds.py",
)
"""Files of more than half a minute, the longest first: what begins last must not be what all others wait for."""


def file_of(nodeid: str) -> str:
    """The file that a test is in."""
    return nodeid.partition("::")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; all else as it stands."""
    place = {name: at for at, name in enumerate(_LONG)}
    items.sort(key=lambda item: place.get(file_of(item.nodeid), len(place)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """A connection that nobody ended is told of the file that left it, not of whichever is on when it is collected."""
    file = file_of(item.nodeid)
    if file.startswith(_WITH_LAB) and (nextitem is None or file_of(nextitem.nodeid) != file):
        gc.collect()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer | None) -> TwoLabs:
    """Called by pytest-xdist where several processes share the tests."""
    config.option.loadscopereorder = False  # by the number of tests, which is no measure of their length
    return TwoLabs(config, log)
