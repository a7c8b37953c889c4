"""What stands still when something is missing: the journal, the API server. Nothing is lost, nothing is done twice."""

from __future__ import annotations

import sqlite3

import httpx
import pytest

from tests.lab.accounts import Account
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for
from tests.lab.workloads import GOOD_IMAGE
from tests.real.conftest import Install
from tests.real.service import Service
from tests.real.test_main_job import UNDO, broken, image, stuck

pytestmark = pytest.mark.lab


def locked(service: Service) -> sqlite3.Connection:
    """Somebody else holds the journal's database for writing, as a backup gone wrong does."""
    other = sqlite3.connect(service.folder / "journal.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_journal_that_cannot_be_written_is_a_503_and_no_action(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object]
) -> None:
    broken(lab, namespace)
    service = install(UNDO, receivers=receivers).start()
    other = locked(service)
    refused = service.post(stuck(namespace), timeout=60)
    assert refused.status_code == 503
    assert "Retry-After" in refused.headers
    assert lab.writes(remediator) == ()
    assert service.lines("intent") == []
    other.execute("ROLLBACK")
    other.close()
    wait_for(lambda: service.post(stuck(namespace)).status_code, lambda code: code == 200, "the webhook to be taken")
    service.wait_for_line("incident_closed", reason="recovered")
    assert len(lab.writes(remediator)) == 1
    service.verify()


def test_an_api_server_that_is_gone_stops_every_action_and_loses_no_alert(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object]
) -> None:
    broken(lab, namespace)
    service = install(UNDO.replace("within: 60s", "within: 180s"), receivers=receivers).start()
    with lab.control_plane.api_server_down():
        assert service.post(stuck(namespace)).status_code == 200, "the alert is durable, whatever else is gone"
        wait_for(lambda: httpx.get(f"{service.url}/readyz").json(), _cluster_is_down, "readiness to say so")
        assert service.lines("intent") == []
    service.wait_for_line("incident_closed", timeout=240, reason="recovered")
    assert image(lab, namespace) == GOOD_IMAGE
    assert len(lab.writes(remediator)) == 1


def test_an_api_server_that_goes_while_an_incident_is_open_is_unknown_and_no_failure(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object]
) -> None:
    """Verification cannot see the target: that neither proves nor fails the step, so nothing else is tried."""
    broken(lab, namespace)
    rules = UNDO.replace("for: 2s, within: 60s", "for: 5s, within: 180s")
    service = install(rules, receivers=receivers).start()
    service.post(stuck(namespace))
    service.wait_for_line("outcome", status="applied")
    with lab.control_plane.api_server_down():
        service.wait_for_line("verification", result="unknown")
    service.wait_for_line("incident_closed", timeout=240, reason="recovered")
    assert [
        line["data"]["result"] for line in service.lines("verification") if line["data"]["result"] == "failed"
    ] == []
    assert len(lab.writes(remediator)) == 1


def test_bad_payloads_are_answered_and_the_rest_of_a_batch_goes_on(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object]
) -> None:
    broken(lab, namespace)
    service = install(UNDO, receivers=receivers).start()
    assert httpx.post(service.webhook, content=b"{").status_code == 400
    assert httpx.post(service.webhook, json={"version": "3", "alerts": []}).status_code == 400
    assert httpx.post(service.webhook, content=b" " * (17 << 20)).status_code == 413
    assert service.post({"status": "firing", "labels": "none"}, stuck(namespace)).status_code == 200
    service.wait_for_line("incident_closed", reason="recovered")
    assert service.lines("signal")[0]["data"]["status"] == "skipped"
    assert len(lab.writes(remediator)) == 1


def _cluster_is_down(ready: dict[str, object]) -> bool:
    return any(check["name"] == "cluster" and not check["ok"] for check in ready["checks"])
