"""A node is lost: its kubelet is gone. What can be moved is moved, and a person hears of the rest."""

from __future__ import annotations

import time

from tests.e2e.cluster import PATIENCE, RealCluster, Shop
from tests.e2e.conftest import Oncall
from tests.e2e.installation import Installation
from tests.lab.waiting import wait_for


def test_it_is_cordoned_and_drained_of_what_its_budgets_let_go(
    product: Installation, cluster: RealCluster, oncall: Oncall
) -> None:
    node = cluster.join(2)
    free, bound = (Shop(cluster, name, replicas=1, prefers=node.name) for name in ("free", "bound"))
    cluster.admin.create(_never_disrupted(), bound.namespace)
    assert {free.node(), bound.node()} == {node.name}
    before = product.last()

    started = time.monotonic()
    node.kubelet.stop()
    cluster.admin.wait_for("nodes", node.name, "", lambda one: one["spec"].get("unschedulable"), PATIENCE)
    cordoned = time.monotonic() - started
    wait_for(free.node, lambda name: name == "node-1", "the free pod's successor on the other node", PATIENCE)
    free.wait_until_served()
    moved = time.monotonic() - started
    print(f"e2e: node lost: cordoned after {cordoned:.1f} s, served from elsewhere after {moved:.1f} s")

    escalated = product.wait_for_line("escalated", after=before, cause="failed")
    assert escalated["target"]["name"] == node.name
    wait_for(lambda: oncall.about(node.name), bool, "a message about the node", PATIENCE)
    assert bound.node() == node.name, "its budget lets no pod go"
    evicted = {one.namespace for one in product.writes() if one.subresource == "eviction"}
    assert evicted == {free.namespace}


def _never_disrupted() -> dict[str, object]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "never"},
        "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "web"}}},
    }
