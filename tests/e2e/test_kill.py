"""The product's pod is killed in the middle of a remediation; its successor goes on from the journal."""

from __future__ import annotations

from tests.e2e.cluster import Shop
from tests.e2e.installation import Installation


def test_killed_between_intent_and_proof_it_goes_on_and_writes_once(product: Installation, shop: Shop) -> None:
    before, changes = product.last(), len(product.changes(shop))

    shop.roll_out("exit")
    intent = product.wait_for_line("intent", after=before, namespace=shop.namespace)
    product.kill("remediator-0")
    product.wait_until_ready()

    assert product.end_of(intent)["data"]["reason"] == "recovered"
    assert product.lines("leader")[-1]["seq"] > before, "another process took office"
    assert len(product.changes(shop)) == changes + 1
    assert shop.wait_until_served()
    assert product.type("audit", "verify", "--config", "/etc/remediator/remediator.yaml").startswith("ok: ")
