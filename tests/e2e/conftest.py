"""Fixtures of the end-to-end tests: the cluster, and the product in it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.e2e.cluster import RealCluster
from tests.e2e.requirements import WITHIN
from tests.lab.progress import print_line


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Outside of their own namespaces these tests are skipped, and say how they are run."""
    for item in items:
        if "/tests/e2e/" in str(item.path):
            item.add_marker(pytest.mark.e2e)
            if WITHIN not in os.environ:
                item.add_marker(pytest.mark.skip(reason="needs root and namespaces of its own: make e2e"))


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[RealCluster]:
    running = RealCluster(print_line)
    try:
        yield running
    finally:
        failed = request.session.testsfailed > 0
        running.stop(keep_logs=failed)
        if failed:
            print_line(f"logs of the servers and the audit log are kept in {running.servers.logs}")
