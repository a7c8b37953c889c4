"""Rules on queries, asked of a real Prometheus that scrapes a real exporter of a real control plane."""

from __future__ import annotations

import time

import pytest

from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.answering import get_ok
from tests.lab.lab import Lab
from tests.lab.prometheus import Prometheus
from tests.lab.waiting import wait_for
from tests.lab.workloads import GOOD_IMAGE, deployment, roll_out_is_stuck, rolled_out
from tests.real.conftest import Install
from tests.real.service import Service

pytestmark = pytest.mark.lab

RULES = """
groups:
  - name: workloads
    interval: 1s
    guards: {{startup_grace: 0s}}
    rules:
      - name: undo-stuck-rollout
        when: {{query: '{query}', for: {wait}}}
        target: {{kind: Deployment}}
        if: 'value == 1.0 && target.revision > 1'
        do: [rollback, {{escalate: {{receiver: oncall}}}}]
        until: {{ready: true, for: 2s, within: 60s}}
"""


def stuck(namespace: str, wait: str = "0s") -> str:
    """A rule on Deployments whose roll-out does not come to its end, by kube-state-metrics' own series."""
    labels = f'condition="Progressing", status="false", namespace="{namespace}"'
    return RULES.format(query=f"kube_deployment_status_condition{{{labels}}} == 1", wait=wait)


def broken(lab: Lab, namespace: str) -> None:
    lab.admin.create(deployment("web"), namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    faults.stuck_rollout(lab.admin, "web", namespace)
    lab.admin.wait_for("deployments", "web", namespace, roll_out_is_stuck)


def image(lab: Lab, namespace: str) -> str:
    return lab.admin.get("deployments", "web", namespace)["spec"]["template"]["spec"]["containers"][0]["image"]


def source_lines(service: Service, up: bool) -> list[dict[str, object]]:
    return [line for line in service.lines("source") if line["data"]["up"] is up]


def test_a_query_on_a_schedule_cures_a_broken_deployment(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object], prometheus: Prometheus
) -> None:
    service = install(stuck(namespace), receivers=receivers, prometheus={"url": prometheus.url}).start()
    broken(lab, namespace)

    closed = service.wait_for_line("incident_closed", timeout=120)

    assert closed["data"]["reason"] == "recovered"
    assert image(lab, namespace) == GOOD_IMAGE
    assert [(one.verb, one.resource, one.name) for one in lab.writes(remediator)] == [("patch", "deployments", "web")]
    fired = service.lines("signal")[0]
    assert (fired["data"]["source"], fired["data"]["status"], fired["data"]["value"]) == ("prometheus", "firing", 1.0)
    assert fired["target"]["name"] == "web"
    service.verify()


def test_without_prometheus_nothing_acts_and_nothing_clears_until_it_is_back(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object], prometheus: Prometheus
) -> None:
    """Prometheus is stopped as by a hung machine: connections open, no answer; then it goes on."""
    service = install(
        stuck(namespace, wait="3s"),
        receivers=receivers,
        prometheus={"url": prometheus.url, "timeout": "1s"},
    ).start()
    broken(lab, namespace)
    service.wait_for_line("incident_opened", timeout=60)
    with prometheus.server.frozen():
        wait_for(lambda: source_lines(service, up=False), lambda lines: len(lines) >= 2, "both lines of the dark", 30)
        before = len(service.lines())
        time.sleep(5)  # longer than the rule's `for`
        assert len(service.lines()) == before
        assert lab.writes(remediator) == ()
        assert service.lines("incident_closed") == []
    wait_for(lambda: get_ok(f"{prometheus.url}/-/ready"), bool, "Prometheus", 30)

    service.wait_for_line("incident_closed", timeout=120)
    assert len(source_lines(service, up=True)) == 2
    assert image(lab, namespace) == GOOD_IMAGE
    assert len(lab.writes(remediator)) == 1
