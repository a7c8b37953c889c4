"""The main job on a real control plane, judged by the API server's own audit log."""

from __future__ import annotations

import pytest

from remediator.executor import FENCE
from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.audit import Request
from tests.lab.lab import Lab
from tests.lab.monitoring import Monitoring
from tests.lab.webhook import WebhookReceiver
from tests.lab.workloads import GOOD_IMAGE, deployment, roll_out_is_stuck, rolled_out
from tests.real.conftest import Install
from tests.real.held_api import HeldApi
from tests.real.service import Service, alert

pytestmark = pytest.mark.lab

UNDO = """
groups:
  - name: workloads
    guards: {startup_grace: 0s}
    rules:
      - name: undo-bad-rollout
        when: {alert: KubeDeploymentRolloutStuck, for: 1s}
        target: {kind: Deployment}
        if: 'target.revision > 0'
        do: [rollback, {escalate: {receiver: oncall}}]
        until: {ready: true, for: 2s, within: 60s}
"""

UNDO_CRASHING = """
groups:
  - name: workloads
    guards: {startup_grace: 0s}
    rules:
      - name: undo-crashing-release
        when: {alert: '{alertname=~"KubePodCrashLooping|KubePodNotReady"}'}
        target: {kind: Deployment}
        do: [rollback, {escalate: {receiver: oncall}}]
        until: {ready: true, for: 2s, within: 60s}
"""


def broken(lab: Lab, namespace: str, name: str = "web") -> None:
    """A Deployment with three good replicas whose next roll-out gets stuck."""
    lab.admin.create(deployment(name), namespace)
    lab.admin.wait_for("deployments", name, namespace, rolled_out)
    faults.stuck_rollout(lab.admin, name, namespace)
    lab.admin.wait_for("deployments", name, namespace, roll_out_is_stuck)


def effects(lab: Lab, account: Account) -> list[Request]:
    """Writes of the account that changed a workload: all but fences, which only move a resourceVersion."""
    return [one for one in lab.writes(account) if FENCE not in (one.body["metadata"].get("annotations") or {})]


def image(lab: Lab, namespace: str, name: str = "web") -> str:
    return lab.admin.get("deployments", name, namespace)["spec"]["template"]["spec"]["containers"][0]["image"]


def kinds(service: Service) -> list[str]:
    return [line["kind"] for line in service.lines() if line["incident"]]


def stuck(namespace: str, name: str = "web") -> dict[str, object]:
    return alert("KubeDeploymentRolloutStuck", namespace, deployment=name)


def test_broken_image_is_rolled_back_once_and_the_journal_tells_all(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object], monitoring: Monitoring
) -> None:
    service = install(UNDO, receivers=receivers).start()
    lab.admin.create(deployment("web"), namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    monitoring.route_to(service.webhook, namespace)
    faults.stuck_rollout(lab.admin, "web", namespace)

    closed = service.wait_for_line("incident_closed", timeout=120)

    assert closed["data"]["reason"] == "recovered"
    assert image(lab, namespace) == GOOD_IMAGE
    assert [(one.verb, one.resource, one.name) for one in lab.writes(remediator)] == [("patch", "deployments", "web")]
    wanted = ["incident_opened", "signal", "diagnosis", "decision", "intent", "outcome"]
    assert kinds(service)[:6] == wanted
    assert "verification" in kinds(service)
    decision = service.lines("decision")[-1]["data"]
    assert decision["result"] == "act"
    assert {verdict["guard"] for verdict in decision["verdicts"]} >= {
        "mode", "protected", "cooldown", "budget", "rollout", "one_hand", "confirm",
    }  # fmt: skip
    intent = service.lines("intent")[0]["data"]
    assert intent["prior"]["revision"] == 2
    assert GOOD_IMAGE in intent["diff"]
    assert intent["change"]["precondition"]["resource_version"]
    service.verify()


def test_observe_mode_asks_the_api_server_once_and_writes_nothing(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object]
) -> None:
    broken(lab, namespace)
    observing = install(UNDO, receivers=receivers, mode="observe").start()
    observing.post(stuck(namespace))
    observing.wait_for_line("outcome", status="rehearsed")
    observing.stop()

    assert lab.writes(remediator) == ()
    assert len(lab.dry_runs(remediator)) == 1

    enforcing = install(UNDO, receivers=receivers).start()
    enforcing.post(stuck(namespace))
    enforcing.wait_for_line("outcome", status="applied")
    seen, done = observing.lines("intent")[0]["data"], enforcing.lines("intent")[0]["data"]
    assert seen["diff"] == done["diff"]
    verdicts = [
        [(verdict["guard"], verdict["verdict"]) for verdict in service.lines("decision")[-1]["data"]["verdicts"]]
        for service in (observing, enforcing)
    ]
    assert verdicts[0] == verdicts[1]


def test_five_crashing_pods_under_two_alert_names_are_one_incident_and_one_write(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object]
) -> None:
    lab.admin.create(deployment("web", replicas=5), namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    faults.crash_loop(lab.admin, "web", namespace)
    lab.admin.wait_for("deployments", "web", namespace, lambda one: one["status"].get("unavailableReplicas"))
    pods = [pod["metadata"]["name"] for pod in lab.admin.list("pods", namespace)][:5]
    service = install(UNDO_CRASHING, receivers=receivers).start()

    names = ("KubePodCrashLooping", "KubePodNotReady")
    assert service.post(*(alert(name, namespace, pod=pod) for name in names for pod in pods)).status_code == 200

    service.wait_for_line("incident_closed", reason="recovered")
    assert len(service.lines("incident_opened")) == 1
    assert len(lab.writes(remediator)) == 1


def test_the_same_webhook_ten_times_is_one_write(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object]
) -> None:
    broken(lab, namespace)
    service = install(UNDO, receivers=receivers).start()
    for _ in range(10):
        assert service.post(stuck(namespace)).status_code == 200
    service.wait_for_line("incident_closed", reason="recovered")
    assert service.post(stuck(namespace)).status_code == 200
    assert len([line for line in service.lines("signal") if line["data"]["status"] == "firing"]) == 1
    assert len(lab.writes(remediator)) == 1


@pytest.mark.parametrize("hold", ["before", "after"])
def test_killed_between_intent_and_outcome_there_is_one_write_in_all(
    hold: str, lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object]
) -> None:
    """`before`: the intent is durable and the patch never left. `after`: it was done and nobody heard the answer."""
    broken(lab, namespace)
    with HeldApi(lab, hold) as proxy:
        folder = install(UNDO, receivers=receivers).folder
        service = install(UNDO, kubeconfig=proxy.kubeconfig(remediator, folder), receivers=receivers).start()
        service.post(stuck(namespace))
        assert proxy.held.wait(30), "the patch never reached the API server's door"
        service.kill()
        assert [line["kind"] for line in service.lines("intent")] == ["intent"]
        assert service.lines("outcome") == []
        proxy.hold = ""
        service.start()
        service.wait_for_line("incident_closed", reason="recovered")

    assert len(effects(lab, remediator)) == 1
    assert service.lines("outcome")[0]["data"]["status"] == {"before": "never_done", "after": "adopted"}[hold]
    assert image(lab, namespace) == GOOD_IMAGE
    service.verify()


def test_first_revision_has_nothing_to_go_back_to_and_a_person_is_told_why(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object], oncall: WebhookReceiver
) -> None:
    lab.admin.create(deployment("web", image="example.test/app:broken", progress_deadline=1), namespace)
    lab.admin.wait_for("deployments", "web", namespace, roll_out_is_stuck)
    service = install(UNDO, receivers=receivers).start()
    service.post(stuck(namespace))

    told = service.wait_for_line("escalated", status="delivered")

    assert lab.writes(remediator) == ()
    assert "no earlier revision" in told["data"]["reason"]
    assert [payload["reason"] for payload in oncall.payloads] == [told["data"]["reason"]]


def test_the_remediator_itself_is_protected(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object]
) -> None:
    broken(lab, namespace, "remediator")
    service = install(UNDO, receivers=receivers).start(POD_NAMESPACE=namespace, POD_NAME="remediator-5f9c-abcde")
    service.post(stuck(namespace, "remediator"))
    assert_protected(service, lab, remediator)


def test_kube_system_is_protected(lab: Lab, namespace: str, install: Install, receivers: list[object]) -> None:
    """Under the admin's own rights, so that nothing but the guard stands between."""
    broken(lab, "kube-system", namespace)
    service = install(UNDO, kubeconfig=lab.kubeconfig(), receivers=receivers).start()
    service.post(stuck("kube-system", namespace))
    decision = service.wait_for_line("decision")
    assert denied(decision) == ["protected"]
    assert service.lines("intent") == []
    assert image(lab, "kube-system", namespace) != GOOD_IMAGE
    lab.admin.delete("deployments", namespace, "kube-system")


def assert_protected(service: Service, lab: Lab, account: Account) -> None:
    decision = service.wait_for_line("decision")
    assert decision["data"]["result"] == "deny"
    assert denied(decision) == ["protected"]
    assert lab.writes(account) == ()
    assert lab.dry_runs(account) == ()


def denied(decision: dict[str, object]) -> list[str]:
    return [verdict["guard"] for verdict in decision["data"]["verdicts"] if verdict["verdict"] == "deny"]


def test_sigterm_ends_cleanly(lab: Lab, namespace: str, install: Install, receivers: list[object]) -> None:
    service = install(UNDO, receivers=receivers).start()
    assert service.stop() == 0
    assert "Traceback" not in service.log
    service.verify()
