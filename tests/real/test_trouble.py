"""What stands still when something is missing: the journal, the API server. Nothing is lost, nothing is done twice."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lab.accounts import Account
from tests.lab.answering import HTTP
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for
from tests.lab.workloads import GOOD_IMAGE
from tests.real.conftest import Install
from tests.real.service import Line, Service
from tests.real.test_main_job import UNDO_MANY, broken, effects, image, stuck

pytestmark = pytest.mark.lab


BROKEN = ("batch", "locked", "verified", "late")


def locked(service: Service) -> sqlite3.Connection:
    """Somebody else holds the journal's database for writing, as a backup gone wrong does."""
    other = sqlite3.connect(service.folder / "journal.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_what_is_missing_stands_still_and_goes_on_when_it_is_back(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object]
) -> None:
    """One service, one broken Deployment after the other; each is rolled back once."""
    with ThreadPoolExecutor(len(BROKEN)) as builders:
        list(builders.map(lambda name: broken(lab, namespace, name), BROKEN))
    service = install(UNDO_MANY, receivers=receivers).start()
    what_is_no_payload_is_answered_and_the_rest_of_a_batch_goes_on(service, namespace)
    a_journal_that_cannot_be_written_is_a_503_and_no_action(service, lab, namespace, remediator)
    an_api_server_that_goes_is_unknown_and_no_failure_and_no_alert_is_lost(service, lab, namespace)
    wait_for(lambda: of(service, "incident_opened", "late"), bool, "the alert of meanwhile")
    service.ask_again()
    for name in BROKEN:
        recovered(service, name)
        assert image(lab, namespace, name) == GOOD_IMAGE
    assert sorted(one.name for one in effects(lab, remediator)) == sorted(BROKEN)
    assert [line for line in service.lines("verification") if line["data"]["result"] == "failed"] == []
    service.verify()


def what_is_no_payload_is_answered_and_the_rest_of_a_batch_goes_on(service: Service, namespace: str) -> None:
    assert HTTP.post(service.webhook, content=b"{").status_code == 400
    assert HTTP.post(service.webhook, json={"version": "3", "alerts": []}).status_code == 400
    assert HTTP.post(service.webhook, content=b" " * (17 << 20)).status_code == 413
    assert service.post({"status": "firing", "labels": "none"}, stuck(namespace, "batch")).status_code == 200
    recovered(service, "batch")
    assert service.lines("signal")[0]["data"]["status"] == "skipped"


def a_journal_that_cannot_be_written_is_a_503_and_no_action(
    service: Service, lab: Lab, namespace: str, remediator: Account
) -> None:
    before = lab.writes(remediator)
    other = locked(service)
    refused = service.post(stuck(namespace, "locked"))
    assert refused.status_code == 503
    assert "Retry-After" in refused.headers
    assert of(service, "intent", "locked") == []
    assert lab.writes(remediator) == before
    other.execute("ROLLBACK")
    other.close()
    wait_for(lambda: service.post(stuck(namespace, "locked")).is_success, bool, "the webhook to be taken")
    recovered(service, "locked")


def an_api_server_that_goes_is_unknown_and_no_failure_and_no_alert_is_lost(
    service: Service, lab: Lab, namespace: str
) -> None:
    """Verification cannot see the target: that neither proves nor fails the step, so nothing else is tried. Until the
    API server is gone no controller carries out what was written, so that nothing is proven before.
    """
    with lab.control_plane.controllers.frozen():
        service.post(stuck(namespace, "verified"))
        wait_for(lambda: of(service, "outcome", "verified", status="applied"), bool, "the write")
        with lab.control_plane.api_server_down():
            wait_for(lambda: of(service, "verification", "verified", result="unknown"), bool, "that it is unknown")
            assert service.post(stuck(namespace, "late")).status_code == 200, "durable, whatever else is gone"
            wait_for(lambda: HTTP.get(f"{service.url}/readyz").json(), _cluster_is_down, "readiness to say so")
            assert of(service, "intent", "late") == []


def of(service: Service, kind: str, name: str, **data: str) -> list[Line]:
    """The journal's lines of a kind about a Deployment whose data holds these values."""
    found = [line for line in service.lines(kind) if (line["target"] or {}).get("name") == name]
    return [line for line in found if data.items() <= line["data"].items()]


def recovered(service: Service, name: str) -> None:
    wait_for(lambda: of(service, "incident_closed", name, reason="recovered"), bool, f"{name} to recover")


def _cluster_is_down(ready: dict[str, object]) -> bool:
    return any(check["name"] == "cluster" and not check["ok"] for check in ready["checks"])
