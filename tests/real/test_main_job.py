"""The main job on a real control plane, judged by the API server's own audit log."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from remediator.executor import FENCE
from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.audit import Request
from tests.lab.lab import Lab
from tests.lab.monitoring import Monitoring
from tests.lab.waiting import PATIENCE, wait_for
from tests.lab.webhook import WebhookReceiver
from tests.lab.workloads import GOOD_IMAGE, deployment, roll_out_is_stuck, rolled_out
from tests.real.conftest import Install
from tests.real.held_api import HeldApi
from tests.real.service import Line, Service, alert

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
        until: {ready: true, for: 2s, within: 20m}
"""

_MANY = "startup_grace: 0s, storm: {share: 100%, at_least: 100}, budget: {max: 9, per: 1h}"
UNDO_MANY = UNDO.replace("startup_grace: 0s", _MANY)
"""Where several are broken at once."""

CRASHING = """
  - name: crashing
    guards: {startup_grace: 0s}
    rules:
      - name: undo-crashing-release
        when: {alert: '{alertname=~"KubePodCrashLooping|KubePodNotReady"}'}
        target: {kind: Deployment}
        do: [rollback, {escalate: {receiver: oncall}}]
        until: {ready: true, for: 2s, within: 20m}
""".replace("startup_grace: 0s", _MANY)


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

    closed = service.wait_for_line("incident_closed", reason="recovered")

    assert image(lab, namespace) == GOOD_IMAGE
    assert [(one.verb, one.resource, one.name) for one in lab.writes(remediator)] == [("patch", "deployments", "web")]
    told = [line for line in service.lines() if line["incident"] == closed["incident"]]
    kinds = list(dict.fromkeys(line["kind"] for line in told))
    assert kinds[:6] == ["incident_opened", "signal", "diagnosis", "decision", "intent", "outcome"]
    assert "verification" in kinds
    decision = service.wait_for_line("decision", result="act")["data"]
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
    assert [(one.verb, one.name) for one in lab.dry_runs(remediator)] == [("patch", "web")]

    enforcing = install(UNDO, receivers=receivers).start()
    enforcing.post(stuck(namespace))
    enforcing.wait_for_line("outcome", status="applied")
    seen, done = observing.lines("intent")[0]["data"], enforcing.lines("intent")[0]["data"]
    assert seen["diff"] == done["diff"]
    both = (observing.wait_for_line("decision", result="observe"), enforcing.wait_for_line("decision", result="act"))
    verdicts = [[(each["guard"], each["verdict"]) for each in said["data"]["verdicts"]] for said in both]
    assert verdicts[0] == verdicts[1]


def test_what_alerts_speak_of_is_written_to_once_or_not_at_all(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object], oncall: WebhookReceiver
) -> None:
    """One service and a Deployment for each case, broken at once."""
    with ThreadPoolExecutor(3) as builders:
        crashing = builders.submit(crash, lab, namespace, "crashing")
        stuck_ones = builders.map(lambda name: broken(lab, namespace, name), ("web", "remediator"))
        lab.admin.create(deployment("first", image="example.test/app:broken", progress_deadline=1), namespace)
        list(stuck_ones)
    lab.admin.wait_for("deployments", "first", namespace, roll_out_is_stuck)
    service = install(UNDO_MANY + CRASHING, receivers=receivers)
    service.start(POD_NAMESPACE=namespace, POD_NAME="remediator-5f9c-abcde")

    five_pods_under_two_alert_names_are_one_incident(service, namespace, crashing.result())
    the_same_webhook_ten_times_is_one_signal(service, namespace)
    of_a_first_revision_a_person_is_told_that_there_is_nothing_to_go_back_to(service, namespace, oncall)
    the_remediator_itself_is_protected(service, namespace)
    written = [(one.verb, one.resource, one.name) for one in lab.writes(remediator)]
    assert sorted(written) == [("patch", "deployments", "crashing"), ("patch", "deployments", "web")]
    assert {one.name for one in lab.dry_runs(remediator)} == {"crashing", "web"}
    assert service.stop() == 0
    assert "Traceback" not in service.log
    service.verify()


def crash(lab: Lab, namespace: str, name: str) -> list[str]:
    """Roll a crash loop out over five replicas; the names of pods by then."""
    lab.admin.create(deployment(name, replicas=5), namespace)
    lab.admin.wait_for("deployments", name, namespace, rolled_out)
    faults.crash_loop(lab.admin, name, namespace)
    lab.admin.wait_for("deployments", name, namespace, lambda one: one["status"].get("unavailableReplicas"))
    return [pod["metadata"]["name"] for pod in lab.admin.list("pods", namespace, labels=f"app={name}")][:5]


def five_pods_under_two_alert_names_are_one_incident(service: Service, namespace: str, pods: list[str]) -> None:
    names = ("KubePodCrashLooping", "KubePodNotReady")
    assert service.post(*(alert(name, namespace, pod=pod) for name in names for pod in pods)).status_code == 200
    recovered(service, "crashing")
    assert len(of(service, "incident_opened", "crashing")) == 1


def the_same_webhook_ten_times_is_one_signal(service: Service, namespace: str) -> None:
    for _ in range(10):
        assert service.post(stuck(namespace)).status_code == 200
    recovered(service, "web")
    assert service.post(stuck(namespace)).status_code == 200
    assert [line["data"]["status"] for line in of(service, "signal", "web")] == ["firing"]


def of_a_first_revision_a_person_is_told_that_there_is_nothing_to_go_back_to(
    service: Service, namespace: str, oncall: WebhookReceiver
) -> None:
    service.post(stuck(namespace, "first"))
    told = service.wait_for_line("escalated", status="delivered")
    assert "no earlier revision" in told["data"]["reason"]
    assert {payload["reason"] for payload in oncall.payloads} == {told["data"]["reason"]}


def the_remediator_itself_is_protected(service: Service, namespace: str) -> None:
    service.post(stuck(namespace, "remediator"))
    (decision, *_) = wait_for(lambda: of(service, "decision", "remediator"), bool, "the decision")
    assert decision["data"]["result"] == "deny"
    assert denied(decision) == ["protected"]


def recovered(service: Service, name: str) -> None:
    """Wait until the incident about a Deployment has ended so."""
    ends = wait_for(lambda: of(service, "incident_closed", name), bool, f"{name} to recover")
    assert ends[0]["data"]["reason"] == "recovered"


def of(service: Service, kind: str, name: str) -> list[Line]:
    """The journal's lines of a kind about a Deployment."""
    return [line for line in service.lines(kind) if (line["target"] or {}).get("name") == name]


def test_killed_between_intent_and_outcome_there_is_one_write_in_all(
    lab: Lab, namespace: str, remediator: Account, install: Install, receivers: list[object]
) -> None:
    """`before`: the intent is durable and the patch never left. `after`: it was done and nobody heard the answer."""
    settled = {"before": "never_done", "after": "adopted"}
    services = [install(UNDO, receivers=receivers) for _ in settled]
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda hold: broken(lab, namespace, hold), settled))
        outcomes = both.map(lambda hold, each: killed(hold, lab, namespace, remediator, each), settled, services)
        assert dict(zip(settled, outcomes, strict=True)) == settled
    assert sorted(one.name for one in effects(lab, remediator)) == ["after", "before"]
    for name in settled:
        assert image(lab, namespace, name) == GOOD_IMAGE


def killed(hold: str, lab: Lab, namespace: str, remediator: Account, service: Service) -> str:
    """What became at first of the write at which the process was killed."""
    with HeldApi(lab, hold) as proxy:
        service.settings["kubernetes"]["kubeconfig"] = str(proxy.kubeconfig(remediator, service.folder))
        service.start()
        service.post(stuck(namespace, hold))
        assert proxy.held.wait(PATIENCE), "the patch never reached the API server's door"
        service.kill()
        assert [line["kind"] for line in service.lines("intent")] == ["intent"]
        assert service.lines("outcome") == []
        proxy.hold = ""
        service.start()
        service.wait_for_line("incident_closed", reason="recovered")
    service.verify()
    return service.lines("outcome")[0]["data"]["status"]


def test_kube_system_is_protected(lab: Lab, namespace: str, install: Install, receivers: list[object]) -> None:
    """Under the admin's own rights, so that nothing but the guard stands between."""
    try:
        broken(lab, "kube-system", namespace)
        service = install(UNDO, kubeconfig=lab.kubeconfig(), receivers=receivers).start()
        service.post(stuck("kube-system", namespace))
        decision = service.wait_for_line("decision")
        assert denied(decision) == ["protected"]
        assert service.lines("intent") == []
        assert image(lab, "kube-system", namespace) != GOOD_IMAGE
    finally:
        lab.admin.delete("deployments", namespace, "kube-system")


def denied(decision: dict[str, object]) -> list[str]:
    return [verdict["guard"] for verdict in decision["data"]["verdicts"] if verdict["verdict"] == "deny"]
