"""Actions on workloads against a real control plane: done, refused, undone and contended, judged by the audit log.

One service walks through all of them, under an account with the rights that its rules need; kubectl is the second
opinion of a roll-back and a restart.
"""

from __future__ import annotations

import subprocess
import time
from typing import Any

import pytest

from remediator.actions.action import REMEDIATION
from remediator.executor import FENCE
from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.fixtures import MakeAccount
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for
from tests.lab.workloads import GOOD_IMAGE, daemon_set, deployment, job, rolled_out, stateful_set
from tests.real.conftest import Install
from tests.real.service import Service, alert

pytestmark = pytest.mark.lab

RULES = """
groups:
  - name: workloads
    guards: {startup_grace: 0s, cooldown: 0s, budget: {max: 100, per: 1h}, max_in_flight: 20,
             global_max_in_flight: 20, storm: {share: 100%, at_least: 100}}
    rules:
      - {name: rollback-deployment, when: {alert: Undo}, target: {kind: Deployment}, do: [rollback], until: {for: 1s}}
      - {name: rollback-late, when: {alert: UndoLate, for: 6s}, target: {kind: Deployment}, do: [rollback]}
      - {name: rollback-stateful, when: {alert: UndoSet}, target: {kind: StatefulSet}, do: [rollback]}
      - {name: rollback-daemon, when: {alert: UndoDaemon}, target: {kind: DaemonSet}, do: [rollback], until: {for: 1s}}
      - {name: restart-set, when: {alert: RestartSet}, target: {kind: StatefulSet}, do: [restart], until: {for: 1s}}
      - name: scale-up
        when: {alert: Busy}
        target: {kind: Deployment}
        do: [{scale: {by: +50%, max: 6}}]
        until: {for: 1s}
      - name: scale-in-vain
        when: {alert: Vain}
        target: {kind: Deployment}
        do: [{scale: {to: 5}}]
        until: {for: 1s, within: 5s, on_failure: undo}
      - name: raise-bounds
        when: {alert: Maxed}
        target: {kind: HorizontalPodAutoscaler}
        do: [{scale_hpa: {max_replicas: {by: +50%, cap: 14}}}]
      - {name: pause, when: {alert: Pause}, target: {kind: Deployment}, do: [rollout_pause], until: {for: 1s}}
      - {name: resume, when: {alert: Resume}, target: {kind: Deployment}, do: [rollout_resume], until: {for: 1s}}
      - {name: suspend, when: {alert: Suspend}, target: {kind: CronJob}, do: [suspend_cronjob], until: {for: 1s}}
      - {name: evict-pod, when: {alert: Sick}, target: {kind: Pod}, do: [evict], until: {for: 1s}}
      - {name: delete-job, when: {alert: Stuck}, target: {kind: Job}, do: [delete_job], until: {for: 1s}}
      - {name: rerun-job, when: {alert: Failed}, target: {kind: Job}, do: [rerun_job], until: {for: 1s, within: 5s}}
      - name: clear-pods
        when: {alert: Clutter}
        target: {kind: Job}
        do: [{delete_pods: {phase: [Failed], limit: 1}}]
        until: {for: 1s, within: 5s}
      - name: patch-it
        when: {alert: Patch}
        target: {kind: Deployment}
        do: [{patch: {type: json, patch: [{op: add, path: /spec/minReadySeconds, value: 3}]}}]
        until: {for: 1s}
"""

RIGHTS = [
    {
        "apiGroups": ["apps"],
        "resources": ["deployments", "statefulsets", "daemonsets"],
        "verbs": ["get", "list", "patch"],
    },
    {"apiGroups": ["apps"], "resources": ["replicasets", "controllerrevisions"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["get", "list", "create", "delete"]},
    {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["list"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["get", "list", "patch"]},
    {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": ["get", "patch"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "create", "delete"]},
]
OTHER_IMAGE = "example.test/app:2.0"
NOT_OF_A_TEMPLATE = (REMEDIATION, FENCE, "deployment.kubernetes.io/revision")


def test_every_action_on_workloads_against_the_audit_log(
    lab: Lab, namespace: str, account: MakeAccount, install: Install
) -> None:
    product = account(RIGHTS, name="hands")
    for name in ("undo", "by-kubectl", "fixed", "busy", "owned", "vain", "pause", "paused", "patch"):
        lab.admin.create(deployment(name), namespace)
    for build, name in ((stateful_set, "set"), (daemon_set, "daemon"), (stateful_set, "on-delete")):
        lab.admin.create(build(name), namespace)
    lab.admin.create(autoscaler("owned"), namespace)
    lab.admin.create(cron_job("report"), namespace)
    for name in ("undo", "by-kubectl", "fixed", "busy", "owned", "vain", "pause", "paused", "patch"):
        lab.admin.wait_for("deployments", name, namespace, rolled_out)
    lab.admin.wait_for("statefulsets", "set", namespace, rolled_out)
    lab.admin.wait_for("daemonsets", "daemon", namespace, lambda one: one["status"].get("numberReady") == 3)
    on_delete = {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}}
    lab.admin.patch("statefulsets", "on-delete", on_delete, namespace)
    for name in ("undo", "by-kubectl", "fixed", "vain"):
        faults.stuck_rollout(lab.admin, name, namespace)
    for kind, name in (("statefulsets", "set"), ("daemonsets", "daemon")):
        lab.admin.patch(kind, name, image("example.test/app:broken"), namespace)
        lab.admin.wait_for(
            kind,
            name,
            namespace,
            lambda one: one["status"].get("updatedNumberScheduled", 0) + one["status"].get("updatedReplicas", 0) > 0,
        )
    lab.admin.patch("deployments", "paused", {"spec": {"paused": True}}, namespace)
    service = install(RULES, kubeconfig=product.kubeconfig).start()

    # success
    before = lab.admin.get("deployments", "undo", namespace)
    fire(service, namespace, "Undo", deployment="undo")
    fire(service, namespace, "UndoSet", statefulset="set")
    fire(service, namespace, "UndoDaemon", daemonset="daemon")
    fire(service, namespace, "Busy", deployment="busy")
    fire(service, namespace, "Maxed", horizontalpodautoscaler="owned")
    fire(service, namespace, "Pause", deployment="pause")
    fire(service, namespace, "Resume", deployment="paused")
    fire(service, namespace, "Suspend", cronjob="report")
    fire(service, namespace, "Patch", deployment="patch")
    for rule in ("rollback-deployment", "rollback-daemon", "scale-up", "pause", "resume", "suspend", "patch-it"):
        ended(service, rule, "recovered")
    for name in ("set", "owned"):  # a StatefulSet waits for its broken pod, and this autoscaler has no metrics
        wait_for(lambda name=name: wrote(lab, product, name), lambda done: done == 1, f"the write to {name}")
    kubectl(lab, namespace, "rollout", "undo", "deployment/by-kubectl")
    assert (
        template(lab, "undo", namespace) == template(lab, "by-kubectl", namespace) == old_template(before, GOOD_IMAGE)
    )
    assert notes(lab, "undo", namespace) == notes(lab, "by-kubectl", namespace)
    for kind, name in (("statefulsets", "set"), ("daemonsets", "daemon")):
        assert running(lab, kind, name, namespace) == GOOD_IMAGE
    assert lab.admin.get("deployments", "busy", namespace)["spec"]["replicas"] == 5
    assert lab.admin.get("horizontalpodautoscalers", "owned", namespace)["spec"]["maxReplicas"] == 14
    assert lab.admin.get("deployments", "pause", namespace)["spec"]["paused"] is True
    assert "paused" not in lab.admin.get("deployments", "paused", namespace)["spec"]
    assert lab.admin.get("cronjobs", "report", namespace)["spec"]["suspend"] is True
    assert lab.admin.get("deployments", "patch", namespace)["spec"]["minReadySeconds"] == 3
    for name in ("undo", "set", "daemon", "busy", "owned", "pause", "paused", "report", "patch"):
        assert wrote(lab, product, name) == 1, name

    # refusal
    fire(service, namespace, "Busy", deployment="owned")
    fire(service, namespace, "RestartSet", statefulset="on-delete")
    fire(service, namespace, "Pause", deployment="pause", pod="again")
    assert "scale_hpa" in denied(service, "scale-up", "owned", "autoscaler")
    assert "OnDelete" in denied(service, "restart-set", "on-delete", "plan")
    assert "paused" in denied(service, "pause", "pause", "plan")

    # a person's fix that takes an old revision again after the alert began is not undone
    fire(service, namespace, "UndoLate", deployment="fixed")
    service.wait_for_line("incident_opened")
    wait_for(lambda: lines(service, "incident_opened", "rollback-late"), bool, "the alert about it")
    time.sleep(1.1)  # the books of an object count whole seconds
    kubectl(lab, namespace, "rollout", "undo", "deployment/fixed")
    assert "after the alert began: somebody is at work" in denied(service, "rollback-late", "fixed", "plan")
    assert wrote(lab, product, "fixed") == 0

    # undo of what did not help, and of what somebody has changed meanwhile
    fire(service, namespace, "Vain", deployment="vain")
    wait_for(lambda: lines(service, "outcome", "scale-in-vain"), lambda seen: len(seen) >= 2, "the undo's outcome", 90)
    assert lab.admin.get("deployments", "vain", namespace)["spec"]["replicas"] == 3
    assert wrote(lab, product, "vain") == 2
    assert lab.refused(product) == ()
    service.verify()


def test_what_somebody_changed_meanwhile_is_contended(
    lab: Lab, namespace: str, account: MakeAccount, install: Install
) -> None:
    product = account(RIGHTS, name="hands")
    lab.admin.create(deployment("vain"), namespace)
    lab.admin.wait_for("deployments", "vain", namespace, rolled_out)
    faults.stuck_rollout(lab.admin, "vain", namespace)
    service = install(RULES.replace("within: 5s", "within: 10s"), kubeconfig=product.kubeconfig).start()
    fire(service, namespace, "Vain", deployment="vain")
    service.wait_for_line("outcome", status="applied")
    kubectl(lab, namespace, "scale", "deployment/vain", "--replicas=6")
    kubectl(lab, namespace, "scale", "deployment/vain", "--replicas=5")  # our very number, but not ours any more
    failed = service.wait_for_line("verification", result="failed")
    assert failed["data"]["then"] == "person"
    assert "spec.replicas was changed by somebody else since" in failed["data"]["detail"]
    assert service.lines("undo") == []
    assert lab.admin.get("deployments", "vain", namespace)["spec"]["replicas"] == 5
    assert wrote(lab, product, "vain") == 1


def fire(service: Service, namespace: str, name: str, **labels: str) -> None:
    assert service.post(alert(name, namespace, **labels)).status_code == 200


def lines(service: Service, kind: str, rule: str) -> list[dict[str, Any]]:
    return [line for line in service.lines(kind) if line["rule"] == rule]


def ended(service: Service, rule: str, reason: str) -> None:
    seen = wait_for(lambda: lines(service, "incident_closed", rule), bool, f"{rule} to end", 120)
    assert seen[0]["data"]["reason"] == reason


def denied(service: Service, rule: str, target: str, guard: str) -> str:
    """Why the guard denied it; waits for the decision."""

    def verdicts() -> list[str]:
        said = [line for line in lines(service, "decision", rule) if line["target"]["name"] == target]
        return [
            each["reason"]
            for line in said
            for each in line["data"]["verdicts"]
            if each["guard"] == guard and each["verdict"] == "deny"
        ]

    return wait_for(verdicts, bool, f"{guard} to deny {rule} of {target}", 60)[0]


def wrote(lab: Lab, product: Account, name: str) -> int:
    """Writes of the product to an object, as the audit log has them, fences left out."""
    return len([one for one in lab.writes(product) if one.name == name and FENCE not in str(one.body)])


def kubectl(lab: Lab, namespace: str, *words: str) -> None:
    command = [str(lab.kubectl), "--kubeconfig", str(lab.kubeconfig()), "-n", namespace, *words]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def template(lab: Lab, name: str, namespace: str) -> dict[str, Any]:
    found = lab.admin.get("deployments", name, namespace)["spec"]["template"]
    return found["spec"]


def old_template(before: dict[str, Any], good: str) -> dict[str, Any]:
    """The pod spec as it was before the fault: the broken one with the good image."""
    spec = before["spec"]["template"]["spec"]
    return {**spec, "containers": [{**spec["containers"][0], "image": good}]}


def notes(lab: Lab, name: str, namespace: str) -> dict[str, str]:
    found = lab.admin.get("deployments", name, namespace)["metadata"].get("annotations") or {}
    return {key: value for key, value in found.items() if key not in NOT_OF_A_TEMPLATE}


def running(lab: Lab, kind: str, name: str, namespace: str) -> str:
    return lab.admin.get(kind, name, namespace)["spec"]["template"]["spec"]["containers"][0]["image"]


def some_updated(workload: dict[str, Any]) -> bool:
    """Whether a roll-out has reached its first pod."""
    status = workload["status"]
    return status.get("updatedNumberScheduled", 0) + status.get("updatedReplicas", 0) > 0


def image(name: str) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": name}]}}}}


def autoscaler(name: str) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": 80}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 3,
            "maxReplicas": 10,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def cron_job(name: str) -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{"name": "app", "image": GOOD_IMAGE}]}
    job = {"spec": {"template": {"spec": pod}}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {"schedule": "0 3 1 1 *", "jobTemplate": job},
    }


def test_pods_and_jobs_are_taken_away_each_once(
    lab: Lab, namespace: str, account: MakeAccount, install: Install
) -> None:
    product = account(RIGHTS, name="hands")
    lab.admin.create(deployment("web"), namespace)
    for name, fate in (("stuck", "hang"), ("again", "fail"), ("clutter", "fail")):
        lab.admin.create(job(name, f"example.test/task:{fate}"), namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    for name in ("again", "clutter"):
        lab.admin.wait_for("jobs", name, namespace, lambda one: one["status"].get("failed"))
        lab.admin.wait_for("jobs", name, namespace, has_failed)
    sick = lab.admin.list("pods", namespace, labels="app=web")[0]["metadata"]
    old = lab.admin.get("jobs", "again", namespace)["metadata"]["uid"]
    service = install(RULES, kubeconfig=product.kubeconfig).start()

    fire(service, namespace, "Sick", pod=sick["name"])
    fire(service, namespace, "Stuck", job_name="stuck")
    fire(service, namespace, "Failed", job_name="again")
    fire(service, namespace, "Clutter", job_name="clutter")

    for rule in ("evict-pod", "delete-job"):
        ended(service, rule, "recovered")
    wait_for(lambda: lab.admin.list("pods", namespace, labels="app=clutter"), lambda left: not left, "the pod to go")
    wait_for(lambda: lab.admin.exists("jobs", "again", namespace), bool, "the Job to be there again")
    renewed = lab.admin.wait_for("jobs", "again", namespace, lambda one: one["metadata"]["uid"] != old)
    assert renewed["metadata"]["annotations"][REMEDIATION]
    lab.admin.wait_for("jobs", "again", namespace, has_failed)
    assert not lab.admin.exists("jobs", "stuck", namespace)
    assert not lab.admin.exists("pods", sick["name"], namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    made = sorted((one.verb, one.resource, one.subresource) for one in lab.writes(product))
    assert made == [
        ("create", "jobs", ""), ("create", "pods", "eviction"),
        ("delete", "jobs", ""), ("delete", "jobs", ""), ("delete", "pods", ""),
    ]  # fmt: skip
    service.verify()


def has_failed(job: dict[str, Any]) -> bool:
    return any(each["type"] == "Failed" for each in job["status"].get("conditions") or ())
