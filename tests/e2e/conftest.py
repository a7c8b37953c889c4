"""Fixtures of the end-to-end tests: the cluster, the product in it, and what it looks after. One of each a session."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

import pytest

from tests.e2e.cluster import RealCluster, Shop
from tests.e2e.installation import Installation
from tests.e2e.requirements import WITHIN
from tests.lab.client import Json
from tests.lab.progress import print_line
from tests.lab.webhook import WebhookReceiver


class Oncall(WebhookReceiver):
    """Whom the product asks for help."""

    def about(self, word: str) -> list[Json]:
        """The messages in which a word occurs."""
        return [one for one in self.payloads if word in json.dumps(one)]


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


@pytest.fixture(scope="session")
def shop(cluster: RealCluster) -> Shop:
    return Shop(cluster, "shop")


@pytest.fixture(scope="session")
def watched(cluster: RealCluster) -> Shop:
    return Shop(cluster, "watched")


@pytest.fixture(scope="session")
def cellar(cluster: RealCluster) -> Shop:
    return Shop(cluster, "cellar")


@pytest.fixture(scope="session")
def oncall() -> Iterator[Oncall]:
    receiver = Oncall()
    with receiver:
        yield receiver


@pytest.fixture(scope="session")
def receivers(cluster: RealCluster, oncall: Oncall) -> list[Json]:
    """The settings' `receivers`: the one that the rules name."""
    address = cluster.network.expose(int(oncall.url.split(":")[2].partition("/")[0]))
    return [{"name": "oncall", "webhook_configs": [{"url": f"http://{address}/webhook"}]}]


@pytest.fixture(scope="session")
def product(cluster: RealCluster, shop: Shop, watched: Shop, cellar: Shop, receivers: list[Json]) -> Installation:
    """The product, installed with an SQLite journal on a volume, when everything that its rules are about is there."""
    started = time.monotonic()
    release = Installation(cluster, "ops", receivers)
    seconds, memory = time.monotonic() - started, release.resident_bytes() / 2**20
    print(f"e2e: ready {seconds:.1f} s after helm install began, resident {memory:.1f} MiB")
    release.listen()
    return release
