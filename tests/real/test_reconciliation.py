"""What Alertmanager holds against what the journal believes, with a real Prometheus, Alertmanager and exporter.

Incidents live through all that can happen to their alerts without anything being cured.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.alertmanager import RECEIVER, Alertmanager
from tests.lab.lab import Lab
from tests.lab.monitoring import Monitoring
from tests.lab.prometheus import Prometheus
from tests.lab.waiting import wait_for
from tests.lab.workloads import GOOD_IMAGE, deployment, rolled_out
from tests.real.conftest import Install
from tests.real.service import Service

pytestmark = pytest.mark.lab

RULES = """
groups:
  - name: workloads
    guards: {startup_grace: 0s}
    rules:
      - name: restart-what-is-down
        when: {alert: Down, for: 4s}
        target: {kind: Deployment}
        do: [restart]
"""
UNAVAILABLE = 'kube_deployment_status_replicas_unavailable{{namespace="{0}"}} > 0'
AMBIGUOUS = 'kube_pod_info{{namespace="{0}"}} + on (namespace) kube_pod_info{{namespace="{0}"}}'


def prometheus_rule(namespace: str, expr: str) -> dict[str, Any]:
    rule = {"alert": "Down", "expr": expr.format(namespace)}
    return {"groups": [{"name": namespace, "interval": "1s", "rules": [rule]}]}


class Watch:
    """The journal of the service as it is read on."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def signal(self, status: str, reason: str = "", after: int = 0) -> int:
        """Wait for a signal's line after another one; its place."""

        def found(lines: list[dict[str, Any]]) -> list[int]:
            return [line["seq"] for line in lines if line["seq"] > after and self._is(line, status, reason)]

        what = f"a signal {status} {reason!r} after {after} in {self.service.folder}"
        return found(wait_for(lambda: self.service.lines("signal"), found, what, 90))[0]

    def _is(self, line: dict[str, Any], status: str, reason: str) -> bool:
        return line["data"]["status"] == status and reason in line["data"]["reason"]

    def source(self, up: bool) -> None:
        self.service.wait_for_line("source", 90, source="alertmanager", up=up)


def watching(
    install: Install, rules: str, prometheus: Prometheus, alertmanager: Alertmanager, **settings: Any
) -> Service:
    """The product, asking Alertmanager every second."""
    return install(
        rules,
        prometheus={"url": prometheus.url, "timeout": "2s"},
        alertmanager={"url": alertmanager.url, "interval": "1s"} | settings,
    )


def cured(lab: Lab, namespace: str, *names: str) -> None:
    for name in names:
        faults.new_image(lab.admin, "deployments", name, namespace, GOOD_IMAGE)
        lab.admin.wait_for("deployments", name, namespace, rolled_out)


def test_an_alert_that_vanishes_uncured_clears_nothing_and_its_silence_keeps_hands_off(
    lab: Lab, namespace: str, remediator: Account, install: Install, monitoring: Monitoring, prometheus: Prometheus
) -> None:
    """Everything that Prometheus may lose it by: no webhook ever arrives."""
    alertmanager = monitoring.alertmanager
    monitoring.route_to("http://127.0.0.1:1", namespace)
    prometheus.add_rules(namespace, prometheus_rule(namespace, UNAVAILABLE))
    rules = RULES.replace("for: 4s", "for: 20s")  # time enough to silence it before anything would be done
    service = watching(install, rules, prometheus, alertmanager, receiver=RECEIVER).start()
    watch = Watch(service)

    lab.admin.create(deployment("web", image=faults.NEVER_READY_IMAGE), namespace)
    at = watch.signal("firing")
    alertmanager.silence({"alertname": "Down", "namespace": namespace})
    held = service.wait_for_line("decision", 60, result="hold")
    silence = next(each for each in held["data"]["verdicts"] if each["guard"] == "silence")
    assert "Down is silenced by" in silence["reason"]

    monitoring.exporter.stop()
    at = watch.signal("doubted", "nothing is scraped of job kube-state-metrics", at)
    monitoring.start_exporter_again()
    at = watch.signal("firing", after=at)

    prometheus.add_rules(namespace, prometheus_rule(namespace, AMBIGUOUS))
    at = watch.signal("doubted", "its rule Down is not evaluated: ", at)
    prometheus.remove_rules(namespace)
    at = watch.signal("doubted", "Prometheus has no alerting rule Down", at)
    prometheus.add_rules(namespace, prometheus_rule(namespace, UNAVAILABLE))
    at = watch.signal("firing", after=at)

    prometheus.server.stop()
    at = watch.signal("doubted", "Prometheus cannot be asked about its rules", at)
    prometheus.start_again()
    at = watch.signal("firing", after=at)
    assert [line for line in service.lines("signal") if line["data"]["status"] == "resolved"] == []
    assert service.lines("incident_closed") == []

    cured(lab, namespace, "web")
    watch.signal("resolved", after=at)
    assert service.wait_for_line("incident_closed")["data"]["reason"] == "resolved"
    assert lab.writes(remediator) == ()
    service.verify()
    prometheus.remove_rules(namespace)


def test_what_alertmanager_cuts_off_is_fetched_and_what_it_forgets_is_not_over(
    lab: Lab, namespace: str, remediator: Account, install: Install, monitoring: Monitoring
) -> None:
    """A group of three of which a webhook, with its token, brings one; then Alertmanager is gone, with its data and
    without.
    """
    prometheus, alertmanager = monitoring.prometheus, monitoring.alertmanager
    service = watching(install, RULES.replace("for: 4s", "for: 1h"), prometheus, alertmanager)
    token = service.folder / "token"
    token.write_text("of-the-webhook")
    service.settings["web"]["auth"] = {"webhook_token_file": str(token)}
    service.start()
    monitoring.route_to(service.webhook, namespace, token="of-the-webhook", max_alerts=1)
    prometheus.add_rules(namespace, prometheus_rule(namespace, UNAVAILABLE))
    names = ("web-a", "web-b", "web-c")
    for name in names:
        lab.admin.create(deployment(name, image=faults.NEVER_READY_IMAGE), namespace)
    wait_for(lambda: of_targets(service), lambda seen: seen.keys() == set(names), "all three", 90)
    brought = [name for name, received in of_targets(service).items() if received]
    assert 0 < len(brought) < len(names), "a webhook cuts a group off after the first"

    for keep_data in (True, False):
        alertmanager.server.stop()
        Watch(service).source(up=False)
        alertmanager.start_again(keep_data)
        wait_for(lambda: ours(alertmanager, namespace), lambda seen: len(seen) == len(names), "the alerts again", 60)
    wait_for(lambda: service.lines("source"), lambda lines: lines[-1]["data"]["up"], "Alertmanager to be there", 60)
    assert [line for line in service.lines("signal") if line["data"]["status"] == "resolved"] == []
    assert service.lines("incident_closed") == []

    cured(lab, namespace, *names)
    wait_for(lambda: service.lines("incident_closed"), lambda seen: len(seen) == len(names), "the end of all", 90)
    assert lab.writes(remediator) == ()
    service.verify()
    prometheus.remove_rules(namespace)


def of_targets(service: Service) -> dict[str, bool]:
    """The Deployments that were seen to be down, and whether a webhook said so at first."""
    found: dict[str, bool] = {}
    for line in service.lines("signal"):
        found.setdefault(line["target"]["name"], bool(line["data"].get("received_at")))
    return found


def ours(alertmanager: Alertmanager, namespace: str) -> list[dict[str, Any]]:
    labels = [each["labels"] for each in alertmanager.alerts()]
    return [each for each in labels if each.get("namespace") == namespace and each["alertname"] == "Down"]
