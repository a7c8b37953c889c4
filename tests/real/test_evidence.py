"""Queries as evidence, asked of a real Prometheus: what a rule requires, what vetoes, what conditions and proofs ask.

A second Deployment is the dial: how many replicas it wants is what all queries speak of.
"""

from __future__ import annotations

import time

import pytest

from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.lab import Lab
from tests.lab.monitoring import Monitoring
from tests.lab.waiting import wait_for
from tests.lab.workloads import GOOD_IMAGE, deployment, roll_out_is_stuck, rolled_out
from tests.real.conftest import Install
from tests.real.service import Service, alert

pytestmark = pytest.mark.lab

DIAL = 'kube_deployment_spec_replicas{{deployment="dial", namespace="{namespace}"}}'
RULES = """
groups:
  - name: workloads
    rules:
      - name: undo-bad-rollout
        when: {{alert: Stuck}}
        target: {{kind: Deployment}}
        if:
          - target.revision > 1
          - {{query: '{dial} >= 2', match: [namespace]}}
        do: [rollback, {{escalate: {{receiver: oncall}}}}]
        until: {{query: '{dial} >= 3', check: 'target.available > 0', for: 1s, within: 20m}}
        guards:
          startup_grace: 0s
          require: ['{dial} >= 2']
          veto: {{queries: ['{dial} < 2'], alerts: [NeverFiring]}}
"""


def dial(lab: Lab, namespace: str, replicas: int) -> None:
    lab.admin.patch("deployments", "dial", {"spec": {"replicas": replicas}}, namespace)


def scraped(monitoring: Monitoring, namespace: str, replicas: int) -> None:
    """Wait until Prometheus knows what the dial says."""
    query = f"{DIAL.format(namespace=namespace)} == {replicas}"
    wait_for(lambda: monitoring.prometheus.query(query), bool, query)


def holding(service: Service) -> list[set[str]]:
    """The guards that held it, decision by decision: the first may come before the dial is scraped."""
    decisions = [line["data"] for line in service.lines("decision") if line["data"]["result"] == "hold"]
    return [{each["guard"] for each in said["verdicts"] if each["verdict"] == "hold"} for said in decisions]


def test_a_step_waits_for_what_queries_say_and_is_proven_by_what_they_say(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object], monitoring: Monitoring
) -> None:
    rules = RULES.format(dial=DIAL.format(namespace=namespace))
    service = install(rules, receivers=receivers, prometheus={"url": monitoring.prometheus_url}).start()
    lab.admin.create(deployment("dial", replicas=1), namespace)
    lab.admin.create(deployment("web"), namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    faults.stuck_rollout(lab.admin, "web", namespace)
    lab.admin.wait_for("deployments", "web", namespace, roll_out_is_stuck)

    scraped(monitoring, namespace, 1)
    service.post(alert("Stuck", namespace, deployment="web"))
    wait_for(lambda: holding(service), lambda seen: {"confirm", "require", "veto"} in seen, "all three to hold it")
    assert lab.writes(remediator) == ()

    dial(lab, namespace, 2)
    scraped(monitoring, namespace, 2)
    service.post(alert("Stuck", namespace, deployment="web", instance="another"))  # it is asked again at once
    acted = service.wait_for_line("decision", result="act")
    assert {each["guard"]: each["verdict"] for each in acted["data"]["verdicts"]}["veto"] == "allow"
    service.wait_for_line("outcome", status="applied")
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    time.sleep(3)  # ready for longer than `for`: without the query it would be proven
    assert service.lines("incident_closed") == []

    dial(lab, namespace, 3)
    closed = service.wait_for_line("incident_closed")
    assert closed["data"]["reason"] == "recovered"
    image = lab.admin.get("deployments", "web", namespace)["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == GOOD_IMAGE
    assert [(one.verb, one.resource, one.name) for one in lab.writes(remediator)] == [("patch", "deployments", "web")]
    service.verify()
