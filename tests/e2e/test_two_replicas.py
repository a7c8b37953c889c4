"""Two replicas over PostgreSQL: the one in charge is killed in the middle, and the other takes over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.cluster import RealCluster, Shop
from tests.e2e.installation import Installation
from tests.lab.client import Json


@pytest.fixture
def pair(cluster: RealCluster, product: Installation, receivers: list[Json]) -> Iterator[Installation]:
    """A release of its own with two replicas, in place of the one that the other tests have."""
    product.uninstall()
    release = Installation(cluster, "pair", receivers, database={"url": cluster.database()})
    release.listen()
    yield release
    release.uninstall()
    product.install()
    product.listen()


def test_the_other_one_takes_over_and_there_is_one_write(pair: Installation, shop: Shop) -> None:
    assert len(pair.pods()) == 2
    in_charge = pair.in_charge()

    shop.roll_out("exit")
    intent = pair.wait_for_line("intent", namespace=shop.namespace)
    pair.kill(in_charge)

    assert pair.end_of(intent)["data"]["reason"] == "recovered"
    assert pair.in_charge() != in_charge
    assert pair.changes(shop) == ["patch"]
    assert shop.wait_until_served()
    assert pair.type("audit", "verify", "--config", "/etc/remediator/remediator.yaml").startswith("ok: ")
