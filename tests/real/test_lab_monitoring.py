"""The way of an alert through real servers: exporter → Prometheus → Alertmanager → webhook."""

from __future__ import annotations

import pytest

from tests.lab import faults
from tests.lab.answering import HTTP
from tests.lab.lab import Lab
from tests.lab.monitoring import Monitoring
from tests.lab.waiting import wait_for
from tests.lab.webhook import WebhookReceiver
from tests.lab.workloads import deployment, rolled_out

pytestmark = pytest.mark.lab


def test_stuck_roll_out_reaches_the_webhook_and_its_cure_resolves_it(
    lab: Lab, namespace: str, monitoring: Monitoring, webhook: WebhookReceiver
) -> None:
    monitoring.route_to(webhook.url, namespace)
    lab.admin.create(deployment("web"), namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    faults.stuck_rollout(lab.admin, "web", namespace)
    alert = webhook.wait_for_alert("KubeDeploymentRolloutStuck", namespace=namespace, deployment="web")
    assert alert["labels"]["pod"] == "kube-state-metrics-0", "alerts on workloads carry the exporter's pod"
    assert webhook.payloads[-1]["version"] == "4"

    faults.new_image(lab.admin, "deployments", "web", namespace, "example.test/app:1.1")
    webhook.wait_for_alert("KubeDeploymentRolloutStuck", status="resolved", deployment="web")


def test_crashing_pods_alert_under_two_names(
    lab: Lab, namespace: str, monitoring: Monitoring, webhook: WebhookReceiver
) -> None:
    monitoring.route_to(webhook.url, namespace)
    lab.admin.create(deployment("web", faults.CRASHING_IMAGE, replicas=5), namespace)
    webhook.wait_for_alert("KubePodCrashLooping", namespace=namespace)
    webhook.wait_for_alert("KubeDeploymentReplicasMismatch", namespace=namespace, deployment="web")
    pods = {pod["metadata"]["name"] for pod in lab.admin.list("pods", namespace)}
    wait_for(lambda: _pods_of(webhook, "KubePodCrashLooping"), lambda seen: seen == pods, "all five pods' alerts")


def test_unready_node_alerts_and_a_cordon_resolves_it_uncured(
    lab: Lab, monitoring: Monitoring, webhook: WebhookReceiver
) -> None:
    monitoring.route_to(webhook.url)
    lab.nodes.add("node-ill")
    try:
        faults.node_not_ready(lab.admin, "node-ill")
        webhook.wait_for_alert("KubeNodeNotReady", node="node-ill")
        faults.cordoned_by_somebody(lab.admin, "node-ill")
        webhook.wait_for_alert("KubeNodeNotReady", status="resolved", node="node-ill")
    finally:
        lab.admin.delete("nodes", "node-ill")


def test_without_honor_labels_the_victim_is_in_exported_labels(
    lab: Lab, namespace: str, monitoring: Monitoring
) -> None:
    monitoring.prometheus.honor_labels(False)
    try:
        lab.admin.create(deployment("web", faults.CRASHING_IMAGE, replicas=1), namespace)
        alert = monitoring.wait_for_alert("KubePodCrashLooping", exported_namespace=namespace)
        assert alert["labels"]["namespace"] == "monitoring"
        assert alert["labels"]["pod"] == "kube-state-metrics-0"
        assert alert["labels"]["exported_pod"].startswith("web-")
    finally:
        monitoring.prometheus.honor_labels(True)


def test_webhook_that_answers_503_is_asked_again(
    lab: Lab, namespace: str, monitoring: Monitoring, webhook: WebhookReceiver
) -> None:
    webhook.status = 503
    monitoring.route_to(webhook.url, namespace)
    lab.admin.create(deployment("web", faults.CRASHING_IMAGE, replicas=1), namespace)
    monitoring.wait_for_alert("KubePodCrashLooping", namespace=namespace)
    webhook.status = 200
    webhook.wait_for_alert("KubePodCrashLooping", namespace=namespace)


def test_prometheus_evaluates_every_alert_without_error(monitoring: Monitoring) -> None:
    rules = wait_for(
        lambda: _rules(monitoring),
        lambda rules: rules and all(rule["health"] != "unknown" for rule in rules),
        "the first evaluation of all rules",
    )
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


def test_exporter_fails_its_scrape_while_the_api_server_is_silent(lab: Lab, monitoring: Monitoring) -> None:
    with lab.control_plane.api_server.frozen():
        monitoring.wait_for_alert("KubeStateMetricsDown")
    wait_for(lambda: monitoring.prometheus.query("up == 1"), bool, "the exporter's recovery")


def _pods_of(webhook: WebhookReceiver, name: str) -> set[str]:
    return {one["labels"]["pod"] for one in webhook.alerts() if one["labels"]["alertname"] == name}


def _rules(monitoring: Monitoring) -> list[dict]:
    groups = HTTP.get(f"{monitoring.prometheus_url}/api/v1/rules").json()["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]
