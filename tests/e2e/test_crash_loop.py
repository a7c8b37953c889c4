"""A real crash loop, cured by the product in its pod under the rights that the chart made from its rules."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor

from tests.e2e.cluster import PATIENCE, RealCluster, Shop
from tests.e2e.installation import Installation
from tests.lab.waiting import wait_for

_ALERT = "KubePodCrashLooping"


def test_a_version_that_crashes_is_taken_back_and_where_it_only_observes_rehearsed(
    product: Installation, shop: Shop, watched: Shop, cluster: RealCluster
) -> None:
    """One of two pods is left in each of two shops, and serves. In one the rule's mode is `observe`."""
    assert shop.answer()

    for one in (shop, watched):
        one.roll_out("exit")
    shop.crash_loop()
    assert shop.answer()

    intent = product.wait_for_line("intent", namespace=shop.namespace)
    assert product.end_of(intent)["data"]["reason"] == "recovered"
    assert shop.command() == ["serve"]
    assert shop.answer()
    assert product.changes(shop) == ["patch"]

    rehearsed = product.wait_for_line("outcome", namespace=watched.namespace)
    assert rehearsed["data"]["status"] == "rehearsed"
    assert watched.command() == ["exit"]
    assert product.changes(watched) == []
    cluster.type("-n", watched.namespace, "rollout", "undo", "deployment/web")
    assert product.type("audit", "verify", "--config", "/etc/remediator/remediator.yaml").startswith("ok: ")


def test_an_outage_is_ended_soon_after_a_script_with_kubectl_would_have(
    product: Installation, shop: Shop, watched: Shop, cluster: RealCluster
) -> None:
    """Both are broken at one moment: one is cured by the product, the other by a script that waits for the same alert.
    No pod is left, so that the product relies on having seen the version before ready.
    """
    before, changes = product.last(), len(product.changes(shop))
    for one in (shop, watched):
        wait_for(lambda one=one: _is_told(cluster, one), lambda told: not told, "the end of earlier alerts", PATIENCE)
    with shop.all_at_once(), watched.all_at_once(), ThreadPoolExecutor() as threads:
        started = time.monotonic()
        for one in (shop, watched):
            one.roll_out("exit")
        for one in (shop, watched):
            one.wait_until_dark()
        dark = time.monotonic() - started
        script = threads.submit(_undo_at_the_alert, cluster, watched)
        served: list[Future[float]] = [threads.submit(_served_at, one) for one in (shop, watched)]
        ours, floor = (one.result() - started for one in served)
        alerted = script.result() - started

    intent = product.wait_for_line("intent", after=before, namespace=shop.namespace)
    assert product.end_of(intent)["data"]["reason"] == "recovered"
    assert len(product.changes(shop)) == changes + 1
    assert product.changes(watched) == []
    print(f"e2e: down {dark:.1f} s after the roll-out; alert in Alertmanager after {alerted:.1f} s")
    for guard, reason in product.held_by(intent["incident"]).items():
        print(f"e2e: held back by {guard}: {reason}")
    print(f"e2e: served again after {ours:.1f} s by remediator, {floor:.1f} s by kubectl in a script at the alert")


def _served_at(shop: Shop) -> float:
    shop.wait_until_served()
    return time.monotonic()


def _undo_at_the_alert(cluster: RealCluster, shop: Shop) -> float:
    """Type `kubectl rollout undo` as soon as Alertmanager has the alert; the moment of that."""

    wait_for(lambda: _is_told(cluster, shop), bool, f"an alert about {shop.namespace}", PATIENCE, pause=0.1)
    known = time.monotonic()
    cluster.type("-n", shop.namespace, "rollout", "undo", "deployment/web")
    return known


def _is_told(cluster: RealCluster, shop: Shop) -> bool:
    known = [one["labels"] for one in cluster.monitoring.alertmanager.alerts()]
    return any(one.get("namespace") == shop.namespace and one["alertname"] == _ALERT for one in known)
