"""Two real Alertmanagers that do not reach each other: what both say, what one says, and what is inhibited at one."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lab.accounts import Account
from tests.lab.alertmanager import Alertmanager
from tests.lab.lab import Lab
from tests.lab.monitoring import Monitoring
from tests.lab.waiting import wait_for
from tests.lab.workloads import deployment, rolled_out
from tests.real.conftest import Install
from tests.real.service import Service

pytestmark = pytest.mark.lab

RULES = """
groups:
  - name: workloads
    guards: {{startup_grace: 0s}}
    rules:
      - name: restart-what-is-down
        when: {{alert: 'Down{{namespace="{namespace}", severity="warning"}}'}}
        target: {{kind: Deployment}}
        do: [restart]
        until: {{alert: resolved, for: 1s, within: 20m}}
"""


def test_what_two_alertmanagers_tell_twice_is_one_incident_and_what_one_withholds_is_left_alone(
    lab: Lab, namespace: str, remediator: Account, install: Install, monitoring: Monitoring
) -> None:
    for name in ("web", "api"):
        lab.admin.create(deployment(name), namespace)
        lab.admin.wait_for("deployments", name, namespace, rolled_out)
    one, two = monitoring.alertmanager, monitoring.second_alertmanager()
    try:
        asked = {"urls": [one.url, two.url], "interval": "1s"}
        service = install(RULES.format(namespace=namespace), alertmanager=asked).start()
        for each in (one, two):
            each.route_to(service.webhook, [f'namespace="{namespace}"'])
        _walk(lab, namespace, remediator, service, one, two)
    finally:
        two.server.stop()
    service.verify()


def _walk(
    lab: Lab, namespace: str, remediator: Account, service: Service, one: Alertmanager, two: Alertmanager
) -> None:
    base, web, api = (down(namespace, *each) for each in (("base", "critical"), ("web",), ("api",)))
    before = one.posted
    one.tell(base)
    wait_for(lambda: one.posted, lambda count: count > before, "the critical alert to be sent")
    before = one.posted
    for each in (one, two):
        each.tell(web)
    held = service.wait_for_line("decision", result="hold")
    (silence,) = [each for each in held["data"]["verdicts"] if each["guard"] == "silence"]
    assert silence["verdict"] == "hold"
    assert "Down is inhibited by" in silence["reason"], "the one that holds it back counts"
    assert two.posted >= 1, "the other one has told us"
    assert lab.writes(remediator) == ()

    one.tell(over(base))
    wait_for(lambda: one.posted, lambda count: count > before, "the duplicate")
    time.sleep(2)  # an answer of the last second serves
    service.ask_again()
    service.wait_for_line("outcome", status="applied")

    two.server.stop()
    one.tell(api)
    wait_for(lambda: opened(service), lambda names: names == ["web", "api"], "what one alone knows")
    two.start_again(keep_data=False)
    time.sleep(5)  # more answers in a row than an absence needs to be believed
    assert signals(service) == [("firing", "web"), ("firing", "api")], "each once, and no end though one forgot both"
    assert service.lines("source") == [], "one that answers is enough"
    assert service.lines("incident_closed") == []

    one.tell(over(web), over(api))
    wait_for(lambda: service.lines("incident_closed"), lambda lines: len(lines) == 2, "the end of both")
    assert [status for status, _ in signals(service)].count("resolved") == 2
    written = [(each.verb, each.name) for each in lab.writes(remediator)]
    assert ("patch", "web") in written
    assert len(set(written)) == len(written), "nobody was restarted twice"


def down(namespace: str, name: str, severity: str = "warning") -> dict[str, Any]:
    """An alert as Prometheus tells it, that does not end by itself for an hour."""
    labels = {"alertname": "Down", "namespace": namespace, "severity": severity, "deployment": name}
    return {"labels": labels, "endsAt": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}


def over(alert: dict[str, Any]) -> dict[str, Any]:
    return alert | {"endsAt": datetime.now(UTC).isoformat()}


def opened(service: Service) -> list[str]:
    return [line["target"]["name"] for line in service.lines("incident_opened")]


def signals(service: Service) -> list[tuple[str, str]]:
    return [(line["data"]["status"], line["target"]["name"]) for line in service.lines("signal")]
