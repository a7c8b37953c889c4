"""A control plane of three, its etcd members mirror pods as kubeadm leaves them, on a real API server: one node at a
time may be closed, and only while the others can do without it. Under the roles that `remediator rbac` prints.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.accounts import Account
from tests.lab.client import Json
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for
from tests.lab.workloads import deployment, disruption_budget, rolled_out
from tests.real.conftest import Install
from tests.real.service import Line, Service, alert
from tests.real.site import Site
from tests.real.test_drain import kubectl_would_evict

pytestmark = pytest.mark.lab

ROLE = "node-role.kubernetes.io/control-plane"
RULES = """
groups:
  - name: control-plane
    guards: {startup_grace: 0s, cooldown: 0s, budget: {max: 100, per: 1h}, max_in_flight: 20, min_healthy: 0,
             global_max_in_flight: 20, storm: {share: 100%, at_least: 100}, flapping: {transitions: 60}}
    rules:
      - {name: close, when: {alert: '{alertname=~"Close.*"}'}, target: {kind: Node}, do: [cordon], until: {for: 1s}}
      - {name: empty, when: {alert: Empty}, target: {kind: Node}, do: [drain], until: {for: 1s}}
      - {name: open, when: {alert: '{alertname=~"Open.*"}'}, target: {kind: Node}, do: [uncordon], until: {for: 1s}}
"""

ANOTHER = {"instance": "another"}
"""By this label one more alert about the same: what is held is asked again at once, and not only after a while."""


@pytest.fixture
def members(lab: Lab, namespace: str) -> Iterator[list[str]]:
    """Three nodes with an etcd member each. What else runs there came when the first was alone."""
    names = [f"control-{number}-{secrets.token_hex(2)}" for number in (1, 2, 3)]
    taint = {"key": ROLE, "effect": "NoSchedule"}
    for name in names:
        node = lab.nodes.add(name, labels={ROLE: "", "pool": namespace}, taints=[taint])
        lab.admin.create(etcd_member(node), "kube-system")
        if name == names[0]:
            lab.admin.create(placed(deployment("web", replicas=2), namespace), namespace)
            lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    yield names
    for name in names:
        for pod in lab.admin.list("pods", fields=f"spec.nodeName={name}"):
            lab.admin.delete("pods", pod["metadata"]["name"], pod["metadata"]["namespace"], {"gracePeriodSeconds": 0})
    for node in lab.admin.list("nodes", labels=f"pool={namespace}"):
        lab.admin.delete("nodes", node["metadata"]["name"])
    lab.admin.delete("poddisruptionbudgets", "etcd", "kube-system")


def etcd_member(node: Json) -> Json:
    """The mirror of a static pod as a kubelet makes it of kubeadm's manifest."""
    name, seen = node["metadata"]["name"], "2026-11-26T09:00:00.000000000Z"
    notes = {"hash": "6f6", "mirror": "6f6", "seen": seen, "source": "file"}
    owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"], "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"etcd-{name}",
            "labels": {"component": "etcd", "tier": "control-plane"},
            "annotations": {f"kubernetes.io/config.{key}": value for key, value in notes.items()},
            "ownerReferences": [owner],
        },
        "spec": {
            "nodeName": name,
            "hostNetwork": True,
            "priorityClassName": "system-node-critical",
            "tolerations": [{"effect": "NoExecute", "operator": "Exists"}],
            "containers": [{"name": "etcd", "image": "example.test/etcd:3.7"}],
            "volumes": [{"name": "data", "hostPath": {"path": "/var/lib/etcd", "type": "DirectoryOrCreate"}}],
        },
    }


def placed(workload: Json, pool: str) -> Json:
    workload["spec"]["template"]["spec"] |= {
        "nodeSelector": {"pool": pool},
        "tolerations": [{"key": ROLE, "effect": "NoSchedule", "operator": "Exists"}],
    }
    return workload


def test_one_member_of_a_control_plane_at_a_time(
    lab: Lab, namespace: str, members: list[str], site: Site, install: Install
) -> None:
    first, second, third = members
    allowed = {"protected": {"allow": [f"Node/{name}" for name in members]}}
    product = site.grant(site.printed(RULES, **allowed))
    watch = Watch(lab, product, install(RULES, kubeconfig=product.kubeconfig, **allowed).start(NODE_NAME=third))

    # without a budget over its etcd nobody knows whether a member may go; and the own node never may
    watch.fire("CloseUncovered", first)
    assert "no disruption budget covers an etcd member" in watch.quorum("close", first, "deny")
    watch.fire("CloseOwn", third)
    assert "the node that the remediator runs on" in watch.quorum("close", third, "deny")
    watch.resolve("CloseUncovered", first)
    assert lab.writes(product) == ()

    # one of three is emptied as kubectl would: its etcd member stays
    lab.admin.create(etcd_budget(), "kube-system")
    lab.admin.wait_for("poddisruptionbudgets", "etcd", "kube-system", lambda live: lets_go(live) == 1)
    expected = kubectl_would_evict(lab, first)
    watch.fire("Empty", first)
    watch.recovered("empty", first)
    gone = {f"{one.namespace}/{one.name}" for one in lab.writes(product) if one.subresource == "eviction"}
    assert (gone, len(gone)) == (expected, 2)
    assert lab.admin.exists("pods", f"etcd-{first}", "kube-system")

    # the next one waits until that one is back
    watch.fire("CloseNext", second)
    assert "one at a time" in watch.quorum("close", second, "hold")
    assert watch.wrote(second) == 0
    watch.fire("OpenFirst", first)
    watch.recovered("open", first)
    watch.fire("CloseNext", second, **ANOTHER)
    watch.recovered("close", second)
    watch.fire("OpenSecond", second)
    watch.recovered("open", second)

    # and while an etcd member is ill, until it is well
    is_ready(lab, third, "False")
    lab.admin.wait_for("poddisruptionbudgets", "etcd", "kube-system", lambda live: lets_go(live) == 0)
    watch.fire("CloseAgain", first)
    assert "etcd lets no member go now" in watch.quorum("close", first, "hold")
    assert watch.wrote(first) == 2, "closed and opened"
    is_ready(lab, third, "True")
    lab.admin.wait_for("poddisruptionbudgets", "etcd", "kube-system", lambda live: lets_go(live) == 1)
    watch.fire("CloseAgain", first, **ANOTHER)
    watch.recovered("close", first)
    watch.fire("OpenAgain", first)
    watch.recovered("open", first, times=2)

    # of two, none can be missed
    lab.admin.delete("pods", f"etcd-{third}", "kube-system", {"gracePeriodSeconds": 0})
    lab.admin.delete("nodes", third)
    before = len(lab.writes(product))
    watch.resolve("CloseNext", second)
    watch.resolve("CloseNext", second, **ANOTHER)
    watch.fire("CloseOfTwo", second)
    watch.fire("Empty", second)
    for rule in ("close", "empty"):
        assert "of 2 members none can be missed" in watch.quorum(rule, second, "deny")
    assert (len(lab.writes(product)), lab.refused(product)) == (before, ())
    watch.service.verify()


class Watch:
    """What the test does to the service, and asks of the journal and the audit log."""

    def __init__(self, lab: Lab, product: Account, service: Service) -> None:
        self.lab, self.product, self.service = lab, product, service

    def fire(self, name: str, node: str, **labels: str) -> None:
        assert self.service.post(alert(name, "", node=node, **labels)).status_code == 200

    def resolve(self, name: str, node: str, **labels: str) -> None:
        over = alert(name, "", node=node, **labels) | {"status": "resolved", "endsAt": "2026-11-23T11:00:00Z"}
        assert self.service.post(over, status="resolved").status_code == 200

    def lines(self, kind: str, rule: str, node: str) -> list[Line]:
        found = [line for line in self.service.lines(kind) if line["rule"] == rule]
        return [line for line in found if line["target"]["name"] == node]

    def quorum(self, rule: str, node: str, verdict: str) -> str:
        """What the guard answered last with this verdict; waits for it."""

        def reasons() -> list[str]:
            verdicts = [each for line in self.lines("decision", rule, node) for each in line["data"]["verdicts"]]
            return [each["reason"] for each in verdicts if (each["guard"], each["verdict"]) == ("quorum", verdict)]

        return wait_for(reasons, bool, f"quorum to {verdict} {rule} of {node}")[-1]

    def recovered(self, rule: str, node: str, times: int = 1) -> None:
        def reasons() -> list[str]:
            closed = (line["data"]["reason"] for line in self.lines("incident_closed", rule, node))
            return [reason for reason in closed if reason == "recovered"]

        wait_for(reasons, lambda found: len(found) >= times, f"{rule} of {node} to recover")

    def wrote(self, node: str) -> int:
        """Writes of the product to a node, as the audit log has them."""
        return len([one for one in self.lab.writes(self.product) if one.name == node])


def etcd_budget() -> dict[str, Any]:
    made = disruption_budget("etcd", "", 2)
    made["spec"]["selector"] = {"matchLabels": {"component": "etcd"}}
    return made


def lets_go(budget: Json) -> int:
    return budget["status"]["disruptionsAllowed"]


def is_ready(lab: Lab, node: str, status: str) -> None:
    """Let the kubelet say of a node's etcd member that it serves, or not."""
    conditions = [{"type": each, "status": status} for each in ("Ready", "ContainersReady")]
    body = {"status": {"conditions": conditions}}
    lab.admin.patch("pods", f"etcd-{node}", body, "kube-system", subresource="status", how="strategic")
