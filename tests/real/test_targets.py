"""Whom alerts speak of, followed through live objects: labels as exporters and kube-state-metrics write them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.lab.fixtures import MakeAccount
from tests.lab.lab import Lab
from tests.lab.loopback import Answered, Asked, Loopback
from tests.lab.prometheus import EXPORTER_LABELS
from tests.lab.waiting import wait_for
from tests.lab.workloads import deployment, rolled_out
from tests.real.conftest import Install
from tests.real.service import RIGHTS, Service, alert

pytestmark = pytest.mark.lab

KINDS = {"Workload": "Deployment", "Autoscaler": "HorizontalPodAutoscaler", "Machine": "Node", "Any": ""}
"""The kind that the rule of each alert wants; empty: what the owner chain ends in."""
READS = [
    {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["get", "list"]},
]
ADDRESS = "10.9.8.7"


class Trap(Loopback):
    """Where all links of the alerts lead, which nobody is to follow."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def answer(self, asked: Asked) -> Answered:
        self.asked.append(asked.path)
        return Answered()


def rules() -> str:
    """A rule an alert, each of which only waits."""
    some = [
        {"name": name.lower(), "when": {"alert": name, "for": "1h"}, "do": ["none"]}
        | ({"target": {"kind": kind}} if kind else {})
        for name, kind in KINDS.items()
    ]
    return yaml.safe_dump({"groups": [{"name": "targets", "rules": some}]})


def test_an_alert_finds_its_target_by_whatever_names_it_and_the_exporter_is_none(
    lab: Lab, namespace: str, account: MakeAccount, install: Install
) -> None:
    lab.admin.create(deployment("web", replicas=1), namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web-hpa"}}
    lab.admin.create(scaler | {"spec": {"maxReplicas": 3, "scaleTargetRef": scaled}}, namespace)
    node = f"node-of-{namespace}"
    lab.admin.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})
    try:
        addresses = {"addresses": [{"type": "InternalIP", "address": ADDRESS}]}
        lab.admin.patch("nodes", node, {"status": addresses}, subresource="status")
        me = account(RIGHTS, cluster_rules=READS, name="reader")
        service = install(rules(), me.kubeconfig).start()
        with Trap() as trap:
            _walk(lab, namespace, node, service, trap.url)
            assert trap.asked == []
    finally:
        lab.admin.delete("nodes", node)
    assert lab.writes(me) == ()
    service.verify()


def _walk(lab: Lab, namespace: str, node: str, service: Service, link: str) -> None:
    (pod,) = [each["metadata"]["name"] for each in lab.admin.list("pods", namespace)]
    exporters = {key: value for key, value in EXPORTER_LABELS.items() if key != "namespace"}
    victim = {"exported_namespace": namespace, "exported_pod": pod}
    said = {
        "by its own label, beside the exporter's pod": ("Workload", {"deployment": "web"} | exporters),
        "by one of its pods": ("Workload", {"pod": pod}),
        "by a pod that is exported": ("Workload", EXPORTER_LABELS | victim),
        "by its autoscaler": ("Workload", {"horizontalpodautoscaler": "web-hpa"}),
        "the autoscaler itself": ("Autoscaler", {"horizontalpodautoscaler": "web-hpa"}),
        "the end of the owner chain": ("Any", {"pod": pod}),
        "a node by its name": ("Machine", {"node": node}),
        "a node by where it is scraped": ("Machine", {"instance": f"{ADDRESS}:9100"}),
        "the exporter's pod alone": ("Any", EXPORTER_LABELS | {"exported_namespace": namespace}),
        "an address of nobody": ("Machine", {"instance": "10.9.8.6:9100"}),
        "a pod that is gone": ("Workload", {"pod": "web-gone"}),
    }
    prints = {f"{number:016x}": what for number, what in enumerate(said)}
    for fingerprint, what in prints.items():
        name, labels = said[what]
        given = alert(name, namespace, fingerprint) | {"labels": {"alertname": name, "namespace": namespace} | labels}
        links = {"generatorURL": f"{link}/graph", "annotations": {"runbook_url": link, "summary": "{{ $value }}"}}
        assert service.post(given | links).is_success

    def found(lines: list[dict[str, Any]]) -> dict[str, str]:
        return {prints[line["data"]["fingerprint"]]: _told(line) for line in lines}

    told = found(wait_for(lambda: service.lines("signal"), lambda lines: len(lines) == len(said), "all signals"))
    web = f"Deployment/{namespace}/web"
    assert {what: target for what, target in told.items() if not target.startswith("unresolved")} == {
        "by its own label, beside the exporter's pod": web,
        "by one of its pods": web,
        "by a pod that is exported": web,
        "by its autoscaler": web,
        "the autoscaler itself": f"HorizontalPodAutoscaler/{namespace}/web-hpa",
        "the end of the owner chain": web,
        "a node by its name": f"Node//{node}",
        "a node by where it is scraped": f"Node//{node}",
    }
    assert "'pod' is the exporter's" in told["the exporter's pod alone"]
    assert "10.9.8.6 is the address of no node" in told["an address of nobody"]
    assert 'pods "web-gone" not found' in told["a pod that is gone"]
    assert len(service.lines("incident_opened")) == 4, "one of each rule, however many alerts speak of its target"


def _told(line: dict[str, Any]) -> str:
    """The target of a signal's line, or why there is none."""
    if line["data"]["status"] == "unresolved":
        return f"unresolved: {line['data']['reason']}"
    target = line["target"]
    return f"{target['kind']}/{target['namespace']}/{target['name']}"
