"""Rules on queries, asked of a real Prometheus that scrapes a real exporter of a real control plane."""

from __future__ import annotations

import time

import pytest

from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.lab import Lab
from tests.lab.prometheus import Prometheus
from tests.lab.resources import path_of
from tests.lab.waiting import wait_for
from tests.lab.workloads import GOOD_IMAGE, deployment, roll_out_is_stuck, rolled_out
from tests.real.conftest import Install
from tests.real.service import Line, Service

pytestmark = pytest.mark.lab

RULES = """
groups:
  - name: workloads
    interval: 1s
    guards: {{startup_grace: 0s}}
    rules:
      - name: undo-stuck-rollout
        when:
          query: 'kube_deployment_status_condition{{condition="Progressing", status="false", namespace="{0}"}} == 1'
          for: 2s
        target: {{kind: Deployment}}
        if: value == 1.0 && target.revision > 1 && target.replicas == 2
        do: [rollback, {{escalate: {{receiver: oncall}}}}]
        until: {{ready: true, for: 1s, within: 20m}}
"""
"""On Deployments whose roll-out does not come to its end, by kube-state-metrics' own series."""


def broken(lab: Lab, namespace: str) -> None:
    lab.admin.create(deployment("web"), namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    faults.stuck_rollout(lab.admin, "web", namespace)
    lab.admin.wait_for("deployments", "web", namespace, roll_out_is_stuck)


def image(lab: Lab, namespace: str) -> str:
    return lab.admin.get("deployments", "web", namespace)["spec"]["template"]["spec"]["containers"][0]["image"]


def source_lines(service: Service, up: bool) -> list[dict[str, object]]:
    return [line for line in service.lines("source") if line["data"]["up"] is up]


def test_a_query_on_a_schedule_cures_a_broken_deployment_but_nothing_acts_or_clears_without_prometheus(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object], prometheus: Prometheus
) -> None:
    """Prometheus is stopped as by a hung machine while an incident is open: no answer, then it goes on."""
    asked = {"url": prometheus.url, "timeout": "1s"}
    service = install(RULES.format(namespace), receivers=receivers, prometheus=asked).start()
    broken(lab, namespace)
    wait_for(lambda: held(service), bool, "its three replicas to hold it")
    with prometheus.server.frozen():
        wait_for(lambda: source_lines(service, up=False), lambda lines: len(lines) >= 2, "both lines of the dark")
        scale(lab, namespace, 2)
        time.sleep(3)  # longer than the rule's `for`
        assert lab.writes(remediator) == ()
        assert service.lines("incident_closed") == []
    wait_for(
        lambda: service.lines("source"),
        lambda lines: 2 * sum(line["data"]["up"] for line in lines) == len(lines),
        "the end of the dark, once for each word of it",
    )
    service.ask_again()
    service.wait_for_line("incident_closed", reason="recovered")
    assert image(lab, namespace) == GOOD_IMAGE
    assert [(one.verb, one.resource, one.name) for one in lab.writes(remediator)] == [("patch", "deployments", "web")]
    fired = service.lines("signal")[0]
    assert (fired["data"]["source"], fired["data"]["status"], fired["data"]["value"]) == ("prometheus", "firing", 1.0)
    assert fired["target"]["name"] == "web"
    service.verify()


def scale(lab: Lab, namespace: str, replicas: int) -> None:
    """Under a name that owns nothing else of it: the books have one instant a name, and ours made the template."""
    params = {"fieldManager": "scaler"}
    path, body = path_of("deployments", "web", namespace), {"spec": {"replicas": replicas}}
    lab.admin.request("PATCH", path, body, params, "application/merge-patch+json")


def held(service: Service) -> list[Line]:
    """The decisions that a condition held."""
    decisions = service.lines("decision")
    return [
        line
        for line in decisions
        if ("confirm", "hold") in {(each["guard"], each["verdict"]) for each in line["data"]["verdicts"]}
    ]
