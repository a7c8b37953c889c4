"""The shipped rules on a real control plane: what the lab can break is cured or told, and nothing else is done.

Simulated pods serve no requests and fill no memory: the two rules on that are in test_rule_tests.py.
One service has all rules that wait for alerts, another the one that asks Prometheus itself, with seconds for their
times, under the very roles that `remediator rbac` prints for them. The audit log says what was written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from remediator.actions.action import REMEDIATION
from remediator.core.cordoning import CORDONED
from remediator.executor import FENCE
from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.client import Json
from tests.lab.lab import Lab
from tests.lab.waiting import PATIENCE, wait_for
from tests.lab.workloads import GOOD_IMAGE, daemon_set, deployment, job, pod, rolled_out, stateful_set
from tests.real.conftest import Install
from tests.real.pools import Pool
from tests.real.service import Line, Service, alert
from tests.real.site import Site
from tests.real.test_workload_actions import BUSY, asking_for_cpu, autoscaler, cron_job, is_at_its_limit

pytestmark = pytest.mark.lab

PACK = Path(__file__).parents[2] / "rules"
ASKING = PACK / "leftovers.yaml"
ALERTED = sorted({*PACK.glob("*.yaml")} - {ASKING, PACK / "requests.yaml", PACK / "memory.yaml"})
DEAD = 21
"""Evicted pods: one more than are borne."""


def hastened(*paths: Path) -> str:
    """These files' rules with seconds where they have minutes and hours, and without rest between two actions."""
    groups = [group for path in paths for group in yaml.safe_load(path.read_text())["groups"]]
    for group in groups:
        group |= {"mode": "enforce", "guards": {"startup_grace": "0s"}, "rules": [*map(hasty, group["rules"])]}
    return yaml.safe_dump({"groups": groups}, sort_keys=False)


def hasty(rule: Json) -> Json:
    """One rule. What has to be younger than some hours still has to be; what has to be older is so at once."""
    rule = json.loads(re.sub(r'(>=?) duration\(\\"\w+\\"\)', r'\1 duration(\\"0s\\")', json.dumps(rule)))
    if "for" in rule["when"]:
        rule["when"]["for"] = "1s"
    # the Job that is run again fails again, for good
    within = "3s" if any("rerun_job" in step for step in rule["do"]) else "20m"
    rule["until"] = {**rule.get("until", {}), "for": "1s", "within": within}
    for step in rule["do"]:
        (args,) = step.values() if isinstance(step, dict) else ({},)
        if "suspend_cronjob" in step:
            args["for"] = "3s"
        if "until" in args:
            args["until"] |= {"for": "1s", "within": "4s" if "rollback" in step else "20m"}
    rule["guards"] = {**rule.get("guards", {}), "cooldown": "0s"}
    return rule


@pytest.fixture
def pool(lab: Lab, namespace: str) -> Iterator[Pool]:
    made = Pool(lab, f"pack-{namespace[-6:]}")
    yield made
    made.remove()


@pytest.fixture
def service(site: Site, install: Install, receivers: list[object]) -> tuple[Service, Account]:
    """The service, not started yet, and its account under the printed roles."""
    rules = hastened(*ALERTED)
    account = site.grant(site.printed(rules, receivers=receivers))
    limits = {"global_max_in_flight": 50, "storm": {"share": "100%", "at_least": 50}}
    return install(rules, kubeconfig=account.kubeconfig, receivers=receivers, guards=limits), account


@pytest.mark.usefixtures("metrics_server")
def test_what_the_lab_can_break_is_cured_or_told_and_nothing_else_is_touched(
    lab: Lab, namespace: str, pool: Pool, service: tuple[Service, Account]
) -> None:
    (product, account), admin = service, lab.admin
    set_up(lab, namespace)
    piled = pile_up(lab, namespace)
    faults.stuck_rollout(admin, "stuck", namespace)
    faults.crash_loop(admin, "crashing", namespace)
    faults.new_image(admin, "statefulsets", "db", namespace, faults.BROKEN_IMAGE)
    faults.new_image(admin, "daemonsets", "agent", namespace, faults.BROKEN_IMAGE)
    uneven, waiting, hung = (pods_of(lab, namespace, name)[0] for name in ("uneven", "waiting", "hung"))
    fail(lab, namespace, uneven, RUNNING, image=faults.CRASHING_IMAGE)
    fail(lab, namespace, waiting, {"waiting": {"reason": "ImagePullBackOff"}})
    fail(lab, namespace, hung, RUNNING)
    fail(lab, namespace, "member-1", RUNNING)
    looping = crashed_twice(lab, namespace, "crashing")
    assert crashed_twice(lab, namespace, "uneven") == uneven
    for name in ("again", "bill", "done"):
        admin.wait_for("jobs", name, namespace, has_ended)
    admin.wait_for("statefulsets", "db", namespace, lambda live: live["status"].get("updatedReplicas"))
    admin.wait_for("daemonsets", "agent", namespace, lambda live: live["status"].get("updatedNumberScheduled"))
    admin.wait_for("horizontalpodautoscalers", "busy", namespace, is_at_its_limit, PATIENCE)
    product.start()
    admin.patch("deployments", "zero", {"spec": {"replicas": 0}}, namespace)

    full = alert("KubeQuotaAlmostFull", namespace, resource="count/pods", resourcequota="small")
    fires(
        product,
        alert("KubeDeploymentRolloutStuck", namespace, deployment="stuck"),
        alert("KubePodCrashLooping", namespace, pod=looping, container="app"),
        alert("KubePodCrashLooping", namespace, pod=uneven, container="app"),
        alert("KubeContainerWaiting", namespace, pod=waiting, container="app", reason="ImagePullBackOff"),
        alert("KubeDeploymentReplicasMismatch", namespace, deployment="hung"),
        alert("KubeDeploymentRolloutStuck", namespace, deployment="steady"),
        alert("KubeStatefulSetUpdateNotRolledOut", namespace, statefulset="db"),
        alert("KubeStatefulSetReplicasMismatch", namespace, statefulset="member"),
        alert("KubeDaemonSetRolloutStuck", namespace, daemonset="agent"),
        alert("KubeJobFailed", namespace, job_name="again"),
        alert("KubeJobFailed", namespace, job_name="bill"),
        alert("KubeJobNotCompleted", namespace, job_name="endless"),
        alert("KubePersistentVolumeFillingUp", namespace, persistentvolumeclaim="data"),
        alert("KubeQuotaAlmostFull", namespace, resource="requests.cpu", resourcequota="small"),
        full,
        alert("KubeHpaMaxedOut", namespace, horizontalpodautoscaler="busy"),
        alert("KubeNodeReadinessFlapping", "", node=pool.first),
    )

    admin.wait_for("cronjobs", "sync", namespace, lambda live: live["spec"]["suspend"], PATIENCE)
    for name in piled[:2]:
        admin.delete("jobs", name, namespace, {"propagationPolicy": "Background"})
    for rule, target in (
        ("undo-stuck-rollout", "stuck"),
        ("undo-crashing-release", "crashing"),
        ("move-crashing-pod", "uneven"),
        ("move-waiting-pod", "waiting"),
        ("restart-hung-replicas", "hung"),
        ("undo-stuck-set-update", "db"),
        ("undo-stuck-daemon-update", "agent"),
        ("restore-from-zero", "zero"),
        ("raise-hpa-ceiling", "busy"),
        ("pause-piling-cronjob", "sync"),
        ("cordon-flapping-node", pool.first),
        ("uncordon-recovered", pool.first),
    ):
        assert ended(product, rule, target) == "recovered", rule
    wait_for(lambda: pods_of(lab, namespace, "done"), lambda left: not left, "the pod that is done to go", PATIENCE)
    product.post({**full, "status": "resolved", "endsAt": "2026-11-23T11:00:00Z"}, status="resolved")
    assert ended(product, "free-pod-quota", namespace) == "recovered"
    admin.wait_for("jobs", "again", namespace, is_ours, PATIENCE)
    is_as_it_was(lab, namespace)
    assert not pool.is_cordoned()

    faults.node_pressure(admin, pool.second, "DiskPressure")
    faults.node_unreachable(admin, pool.second)
    pressed = alert("KubeNodePressure", "", node=pool.second, instance="10.0.0.9:8080")
    fires(product, pressed, alert("KubeNodeNotReady", "", node=pool.second, instance="10.0.0.9:8080"))
    pool.open(pool.first, unschedulable=True)
    fires(product, *nobody_can_cure(lab, namespace))
    for rule, target in (
        ("report-pending-pods", "pending"),
        ("report-unhealed-deployment", "pending"),
        ("report-daemon-pods", "agent"),
        ("report-hpa-mismatch", "slow"),
        ("report-throttled", "steady"),
        ("report-set-replicas", "member"),
        ("rerun-failed-job", "again"),
        ("report-failed-job", "bill"),
        ("report-endless-job", "endless"),
        ("report-filling-volume", "data"),
        ("report-full-quota", "small"),
        ("report-pressured-node", pool.second),
        ("report-lost-node", pool.second),
        ("report-left-behind-cordon", pool.first),
    ):
        told(product, rule, target)
    admin.patch("nodes", pool.first, {"metadata": {"annotations": {CORDONED: "somebody-1"}}})
    told(product, "uncordon-recovered", pool.first)
    assert pool.is_cordoned(), "a mark that somebody copied makes a person's cordon none of ours, by the node's books"
    steady = admin.get("deployments", "steady", namespace)
    assert steady["metadata"]["generation"] == 1, "an alert alone is no reason"
    assert sorted(written(lab, account)) == sorted(
        [
            ("patch", "deployments", "stuck"),
            ("patch", "deployments", "crashing"),
            ("create", "pods/eviction", uneven),
            ("create", "pods/eviction", waiting),
            ("patch", "deployments", "hung"),
            ("patch", "deployments", "zero"),
            ("patch", "horizontalpodautoscalers", "busy"),
            ("patch", "cronjobs", "sync"),
            ("patch", "cronjobs", "sync"),
            ("patch", "statefulsets", "db"),
            ("create", "pods/eviction", "db-2"),
            ("patch", "daemonsets", "agent"),
            ("delete", "jobs", "again"),
            ("create", "jobs", "again"),
            ("delete", "pods", "done"),
            ("patch", "nodes", pool.first),
            ("patch", "nodes", pool.first),
        ]
    )
    product.verify()


def test_dead_pods_are_cleared_away_until_prometheus_counts_few(
    lab: Lab, namespace: str, site: Site, install: Install, receivers: list[object]
) -> None:
    rules = hastened(ASKING)
    settings = {"receivers": receivers, "prometheus": {"url": lab.prometheus_url}, "evaluation_interval": "1s"}
    account = site.grant(site.printed(rules, **settings))
    dead = evicted(lab, namespace)
    product = install(rules, kubeconfig=account.kubeconfig, **settings).start()
    assert ended(product, "clear-dead-pods", namespace) == "recovered"
    assert sorted(written(lab, account)) == [("delete", "pods", name) for name in dead]
    product.verify()


def test_no_rule_of_the_pack_is_left_out() -> None:
    """Each is in one of the stories above but for those whose fault no simulated pod can make."""
    text = Path(__file__).read_text()
    names = [rule["name"] for group in yaml.safe_load(hastened(*ALERTED, ASKING))["groups"] for rule in group["rules"]]
    assert [name for name in names if f'"{name}"' not in text] == []


DEPLOYMENTS = ("stuck", "crashing", "uneven", "waiting", "hung", "zero", "steady")
JOBS = {"again": "fail", "bill": "fail", "endless": "hang", "done": "ok"}
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
NOW = "2026-01-01T00:00:00Z"


RUNNING = {"running": {"startedAt": NOW}}


def set_up(lab: Lab, namespace: str) -> None:
    """Everything as it ought to be; the labels say what its owners allow."""
    admin = lab.admin
    for workload in (*map(deployment, DEPLOYMENTS), stateful_set("member"), daemon_set("agent")):
        admin.create(workload, namespace)
    admin.create(stateful_set("db", podManagementPolicy="OrderedReady"), namespace)
    admin.create(asking_for_cpu(deployment("busy")), namespace)
    admin.create(autoscaler("busy"), namespace)
    admin.wait_for("deployments", "busy", namespace, rolled_out, PATIENCE)
    faults.load(admin, "busy", namespace, BUSY)
    for name, fate in JOBS.items():
        made = job(name, f"example.test/task:{fate}")
        made["metadata"]["labels"] |= {"remediator.io/rerun": "true"} if name == "again" else {}
        admin.create(made, namespace)
    admin.create(claim("data"), namespace)
    admin.create(quota("small"), namespace)
    for name in DEPLOYMENTS:
        admin.wait_for("deployments", name, namespace, rolled_out, PATIENCE)
    for name in ("db", "member"):
        admin.wait_for("statefulsets", name, namespace, rolled_out, PATIENCE)
    admin.wait_for("daemonsets", "agent", namespace, all_nodes_have_it, PATIENCE)
    always_on = {"labels": {"remediator.io/always-on": "true"}, "annotations": {APPLIED: '{"spec": {"replicas": 3}}'}}
    admin.patch("deployments", "zero", {"metadata": always_on}, namespace)


def pile_up(lab: Lab, namespace: str) -> list[str]:
    """A CronJob with five Jobs at once, none of which ends; their names."""
    made = lab.admin.create(cron_job("sync"), namespace)
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": "sync",
        "uid": made["metadata"]["uid"],
        "controller": True,
    }
    active = []
    for number in range(5):
        each = job(f"sync-{number}", "example.test/task:hang")
        each["metadata"]["ownerReferences"] = [owner]
        uid = lab.admin.create(each, namespace)["metadata"]["uid"]
        active.append(
            {"apiVersion": "batch/v1", "kind": "Job", "namespace": namespace, "name": f"sync-{number}", "uid": uid}
        )
    lab.admin.patch("cronjobs", "sync", {"status": {"active": active}}, namespace, subresource="status")
    return [each["name"] for each in active]


def evicted(lab: Lab, namespace: str) -> list[str]:
    """The names of pods that no node has any more: a kubelet says of each that it evicted it."""
    gone = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    names = [f"dead-{number:02}" for number in range(DEAD)]
    for name in names:
        made = pod(name)
        made["spec"]["schedulerName"] = "none"
        lab.admin.create(made, namespace)
        lab.admin.patch("pods", name, {"status": gone}, namespace, subresource="status")
    return names


def nobody_can_cure(lab: Lab, namespace: str) -> list[Json]:
    """Faults for a person, as alerts: no node for a pod, a daemon that is down, an autoscaler that does not get what it
    wants; and of CPU that is held back, which nobody can see here, the alert alone.
    """
    admin = lab.admin
    nowhere = deployment("pending", replicas=1)
    nowhere["spec"]["template"]["spec"]["nodeSelector"] = {"no": "node"}
    admin.create(nowhere, namespace)
    admin.create(stateful_set("slow", faults.BROKEN_IMAGE, replicas=1, podManagementPolicy="OrderedReady"), namespace)
    wants_three = autoscaler("slow")
    wants_three["spec"]["scaleTargetRef"]["kind"] = "StatefulSet"
    admin.create(wants_three, namespace)
    fail(lab, namespace, pods_of(lab, namespace, "agent")[0], RUNNING)
    wait_for(lambda: pods_of(lab, namespace, "pending"), bool, "a pod without a node", PATIENCE)
    admin.wait_for("horizontalpodautoscalers", "slow", namespace, gets_less_than_it_wants, PATIENCE)
    return [
        alert("KubePodNotReady", namespace, pod=pods_of(lab, namespace, "pending")[0]),
        alert("KubeDeploymentReplicasMismatch", namespace, deployment="pending"),
        alert("KubeDaemonSetNotScheduled", namespace, daemonset="agent"),
        alert("KubeHpaReplicasMismatch", namespace, horizontalpodautoscaler="slow"),
        alert("CPUThrottlingHigh", namespace, pod=pods_of(lab, namespace, "steady")[0], container="app"),
    ]


def gets_less_than_it_wants(live: Json) -> bool:
    return live["status"].get("currentReplicas", 0) < live["status"].get("desiredReplicas", 0)


def is_as_it_was(lab: Lab, namespace: str) -> None:
    """Wait until every workload that was broken has its replicas and its good image again."""
    admin = lab.admin
    for name in DEPLOYMENTS:
        live = admin.wait_for("deployments", name, namespace, rolled_out, PATIENCE)
        assert (live["spec"]["replicas"], image_of(live)) == (3, GOOD_IMAGE), name
    assert image_of(admin.wait_for("statefulsets", "db", namespace, rolled_out, PATIENCE)) == GOOD_IMAGE
    assert image_of(admin.wait_for("daemonsets", "agent", namespace, all_nodes_have_it, PATIENCE)) == GOOD_IMAGE


def fires(service: Service, *alerts: Json) -> None:
    assert service.post(*alerts).status_code == 200


def fail(lab: Lab, namespace: str, pod: str, state: Json, image: str = GOOD_IMAGE) -> None:
    """Let a kubelet say of one pod that it is not ready: its container stands so, or crashes if its image says that."""
    container = {"name": "app", "image": image, "imageID": "", "restartCount": 0, "ready": False, "started": False}
    not_ready = {"status": "False", "reason": "ContainersNotReady"}
    conditions = [{"type": name, **not_ready} for name in ("Ready", "ContainersReady")]
    status = {"containerStatuses": [{**container, "state": state}], "conditions": conditions}
    lab.admin.patch("pods", pod, {"status": status}, namespace, subresource="status", how="strategic")


def pods_of(lab: Lab, namespace: str, app: str) -> list[str]:
    """The names of an app's pods."""
    return [pod["metadata"]["name"] for pod in lab.admin.list("pods", namespace, labels=f"app={app}")]


def crashed_twice(lab: Lab, namespace: str, app: str) -> str:
    """A pod of an app that has crashed twice or more; waits for it."""

    def crashed() -> list[str]:
        pods = lab.admin.list("pods", namespace, labels=f"app={app}")
        return [pod["metadata"]["name"] for pod in pods if restarts(pod) >= 2]

    return wait_for(crashed, bool, f"a crash loop of {app}", PATIENCE)[0]


def restarts(pod: Json) -> int:
    return sum(each["restartCount"] for each in pod["status"].get("containerStatuses") or ())


def claim(name: str) -> Json:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def quota(name: str) -> Json:
    spec = {"hard": {"count/pods": "100"}}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": spec}


def has_ended(live: Json) -> bool:
    conditions = live["status"].get("conditions") or ()
    return any(each["type"] in ("Failed", "Complete") and each["status"] == "True" for each in conditions)


def is_ours(live: Json) -> bool:
    """Whether the remediator wrote it."""
    return REMEDIATION in (live["metadata"].get("annotations") or {})


def all_nodes_have_it(live: Json) -> bool:
    """Whether a DaemonSet is rolled out."""
    status = live["status"]
    wanted = status.get("desiredNumberScheduled", 0)
    seen = status.get("observedGeneration", 0) >= live["metadata"]["generation"]
    there = {status.get(key, 0) for key in ("updatedNumberScheduled", "numberReady")}
    return seen and wanted > 0 and there == {wanted}


def image_of(live: Json) -> str:
    return live["spec"]["template"]["spec"]["containers"][0]["image"]


def of(service: Service, kind: str, rule: str, target: str) -> list[Line]:
    return [line for line in service.lines(kind) if (line["rule"], line["target"]["name"]) == (rule, target)]


def ended(service: Service, rule: str, target: str) -> str:
    """Why an incident ended; waits for that."""
    closed = wait_for(
        lambda: of(service, "incident_closed", rule, target), bool, f"{rule} of {target} to end", PATIENCE
    )
    return closed[0]["data"]["reason"]


def told(service: Service, rule: str, target: str) -> None:
    """Wait until a person was told of it."""
    wait_for(lambda: of(service, "escalated", rule, target), bool, f"{rule} to tell of {target}", PATIENCE)


def written(lab: Lab, account: Account) -> list[tuple[str, str, Any]]:
    """Every write of the product but fences; a pod of a Job by the Job's name."""
    found = [one for one in lab.writes(account) if FENCE not in str(one.body)]
    kinds = (f"{one.resource}/{one.subresource}" if one.subresource else one.resource for one in found)
    return [(one.verb, kind, re.sub(r"^done-.*", "done", one.name)) for one, kind in zip(found, kinds, strict=True)]
