"""What Alertmanager holds against what the journal believes, with a real Prometheus, Alertmanager and exporter.

Incidents live through all that can happen to their alerts without anything being cured.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from tests.real.service import Line, Service

pytestmark = pytest.mark.lab

RULES = """
groups:
  - name: workloads
    guards: {startup_grace: 0s}
    rules:
      - name: restart-what-is-down
        when: {alert: 'Down{deployment=~"web.*"}', for: 1h}
        target: {kind: Deployment}
        do: [restart]
"""
UNAVAILABLE = 'max_over_time(kube_deployment_status_replicas_unavailable{{namespace="{0}", deployment=~"{1}"}}[3s]) > 0'
"""A scrape that is missed on a busy machine ends no alert."""
AMBIGUOUS = 'kube_pod_info{{namespace="{0}"}} + on (namespace) kube_pod_info{{namespace="{0}"}}'


def prometheus_rule(namespace: str, expr: str, name: str = "web.*") -> dict[str, Any]:
    rule = {"alert": "Down", "expr": expr.format(namespace, name)}
    return {"groups": [{"name": namespace, "interval": "1s", "rules": [rule]}]}


class Watch:
    """One installation with a Prometheus and a Deployment of its own; its journal is read on from signal to signal."""

    def __init__(self, name: str, namespace: str, prometheus: Prometheus, service: Service) -> None:
        self.name, self.prometheus, self.service, self._namespace = name, prometheus, service, namespace
        self._at = 0

    def evaluates(self, expr: str) -> None:
        """Let its Prometheus, and nobody else's, have this rule."""
        self.prometheus.add_rules(self._namespace, prometheus_rule(self._namespace, expr, self.name))

    def signal(self, status: str, reason: str = "") -> None:
        """Wait for a signal's line after the last one."""

        def found(lines: list[Line]) -> list[int]:
            return [line["seq"] for line in lines if line["seq"] > self._at and self._is(line, status, reason)]

        what = f"a signal {status} {reason!r} after {self._at} in {self.service.folder}"
        self._at = found(wait_for(lambda: self.service.lines("signal"), found, what))[0]

    def _is(self, line: Line, status: str, reason: str) -> bool:
        return line["data"]["status"] == status and reason in line["data"]["reason"]

    def silenced(self) -> list[str]:
        """Why its incident was held by a silence."""
        said = [each for line in self.service.lines("decision") for each in line["data"]["verdicts"]]
        return [each["reason"] for each in said if (each["guard"], each["verdict"]) == ("silence", "hold")]


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
    lab: Lab, namespace: str, remediator: Account, install: Install, monitoring: Monitoring
) -> None:
    """Everything that Prometheus may lose it by, 2 and 3 side by side: no webhook ever arrives."""
    alertmanager = monitoring.alertmanager
    monitoring.route_to("http://127.0.0.1:1", namespace)
    both = {"web-2": monitoring.prometheus, "web-3": lab.other_prometheus}
    sides = [
        Watch(name, namespace, prometheus, watching(install, until(name), prometheus, alertmanager, receiver=RECEIVER))
        for name, prometheus in both.items()
    ]
    for side in sides:
        side.evaluates(UNAVAILABLE)
        side.service.start()
        lab.admin.create(deployment(side.name, image=faults.NEVER_READY_IMAGE), namespace)
    all_say(sides, "firing")
    alertmanager.silence({"alertname": "Down", "namespace": namespace})

    monitoring.exporter.stop()
    all_say(sides, "doubted", "nothing is scraped of job kube-state-metrics")
    monitoring.start_exporter_again()
    all_say(sides, "firing")
    for side in sides:
        why = wait_for(side.silenced, bool, f"{side.name} to be held by its silence")
        assert "Down is silenced by" in why[0]
        # its condition holds by now, the silence as before
        lab.admin.patch("deployments", side.name, {"spec": {"replicas": 2}}, namespace)

    for side in sides:
        side.evaluates(AMBIGUOUS)
    all_say(sides, "doubted", "its rule Down is not evaluated: ")
    for side in sides:
        side.prometheus.remove_rules(namespace)
    all_say(sides, "doubted", "Prometheus has no alerting rule Down")
    for side in sides:
        side.evaluates(UNAVAILABLE)
    all_say(sides, "firing")

    for side in sides:
        side.prometheus.server.stop()
    all_say(sides, "doubted", "Prometheus cannot be asked about its rules")
    for side in sides:
        side.prometheus.start_again()
    all_say(sides, "firing")
    for side in sides:
        assert [line for line in side.service.lines("signal") if line["data"]["status"] == "resolved"] == []
        assert side.service.lines("incident_closed") == []

    cured(lab, namespace, *both)
    all_say(sides, "resolved")
    for side in sides:
        assert side.service.wait_for_line("incident_closed")["data"]["reason"] == "resolved"
        side.service.verify()
        side.prometheus.remove_rules(namespace)
    assert lab.writes(remediator) == ()


def until(name: str) -> str:
    """The rule for one Deployment, at once, but not before it has two replicas."""
    waiting = "for: 0s}\n        if: target.replicas == 2"
    return RULES.replace("for: 1h}", waiting).replace('=~"web.*"', f'="{name}"')


def all_say(sides: Sequence[Watch], status: str, reason: str = "") -> None:
    for side in sides:
        side.signal(status, reason)


def test_what_alertmanager_cuts_off_is_fetched_and_what_it_forgets_is_not_over(
    lab: Lab, namespace: str, remediator: Account, install: Install, monitoring: Monitoring
) -> None:
    """A group of three of which a webhook, with its token, brings one; then Alertmanager is gone, with its data and
    without.
    """
    prometheus, alertmanager = monitoring.prometheus, monitoring.alertmanager
    service = watching(install, RULES, prometheus, alertmanager)
    token = service.folder / "token"
    token.write_text("of-the-webhook")
    service.settings["web"]["auth"] = {"webhook_token_file": str(token)}
    service.start()
    prometheus.add_rules(namespace, prometheus_rule(namespace, UNAVAILABLE))
    names = ("web-a", "web-b", "web-c")
    for name in names:
        lab.admin.create(deployment(name, image=faults.NEVER_READY_IMAGE), namespace)
    wait_for(lambda: ours(alertmanager, namespace), lambda seen: len(seen) == len(names), "the alerts of all three")
    monitoring.route_to(service.webhook, namespace, token="of-the-webhook", max_alerts=1)
    wait_for(lambda: of_targets(service), lambda seen: seen.keys() == set(names), "all three")
    brought = [name for name, received in of_targets(service).items() if received]
    assert 0 < len(brought) < len(names), "a webhook cuts a group off after the first"

    for keep_data in (True, False):
        alertmanager.server.stop()
        wait_for(lambda: service.lines("source"), lambda lines: not lines[-1]["data"]["up"], "Alertmanager to be gone")
        alertmanager.start_again(keep_data)
        wait_for(lambda: ours(alertmanager, namespace), lambda seen: len(seen) == len(names), "the alerts again")
        wait_for(lambda: service.lines("source"), lambda lines: lines[-1]["data"]["up"], "Alertmanager to be there")
    assert [line for line in service.lines("signal") if line["data"]["status"] == "resolved"] == []
    assert service.lines("incident_closed") == []

    cured(lab, namespace, *names)
    wait_for(lambda: service.lines("incident_closed"), lambda seen: len(seen) == len(names), "the end of all")
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
