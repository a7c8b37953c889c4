"""Webhooks as Alertmanager sends them, as large as a real cluster's are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from remediator.clients.alertmanager import fingerprint

Json = dict[str, Any]

ALERT = "KubeDeploymentReplicasMismatch"
"""The alert that the rules of the benchmarks are about."""
SIZE = 17 * 1024
"""Bytes of a usual webhook: a group of some twenty alerts."""


def alert(name: str, namespace: str, deployment: str) -> Json:
    """A firing alert of kubernetes-mixin about a Deployment, with the annotations that the mixin gives it."""
    labels = {
        "alertname": name,
        "cluster": "prod-1",
        "container": "kube-state-metrics",
        "deployment": deployment,
        "endpoint": "http",
        "instance": "10.244.3.17:8080",
        "job": "kube-state-metrics",
        "namespace": namespace,
        "prometheus": "monitoring/k8s",
        "severity": "warning",
    }
    return {
        "status": "firing",
        "labels": labels,
        "annotations": {
            "description": f"Deployment {namespace}/{deployment} has not matched the expected number of replicas for "
            "longer than 15 minutes on cluster prod-1.",
            "runbook_url": f"https://runbooks.prometheus-operator.dev/runbooks/kubernetes/{name.lower()}",
            "summary": "Deployment has not matched the expected number of replicas.",
        },
        "startsAt": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=kube_deployment_spec_replicas&g0.tab=1",
        "fingerprint": fingerprint(labels),
    }


def webhook(alerts: Iterable[Json]) -> bytes:
    """The payload of one notification."""
    return msgspec.json.encode(
        {
            "version": "4",
            "groupKey": f'{{}}:{{alertname="{ALERT}"}}',
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "remediator",
            "groupLabels": {"alertname": ALERT},
            "commonLabels": {"alertname": ALERT, "severity": "warning"},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager:9093",
            "alerts": list(alerts),
        }
    )


def large_webhook(name: str, namespace: str, first: int = 0) -> bytes:
    """A payload of at least `SIZE` bytes and less than one alert more: alerts of one name about Deployments `web-N`."""
    alerts: list[Json] = []
    while len(body := webhook(alerts)) < SIZE:
        alerts.append(alert(name, namespace, f"web-{first + len(alerts):04}"))
    return body
