"""Actions on workloads against a real control plane: done, refused, undone and contended, judged by the audit log.

One service walks through all of them, under an account with the rights that its rules need; kubectl is the second
opinion of a roll-back and a restart.
"""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from remediator.actions.action import REMEDIATION
from remediator.actions.restart import RESTARTED_AT
from remediator.executor import FENCE
from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.lab import Lab
from tests.lab.waiting import PATIENCE, wait_for
from tests.lab.workloads import GOOD_IMAGE, daemon_set, deployment, job, pod, rolled_out, stateful_set
from tests.real.conftest import Install
from tests.real.held_api import Held, HeldEach
from tests.real.service import Service, alert
from tests.real.site import Site

pytestmark = pytest.mark.lab

RULES = """
groups:
  - name: workloads
    guards: {startup_grace: 0s, cooldown: 0s, budget: {max: 100, per: 1h}, max_in_flight: 20,
             global_max_in_flight: 20, storm: {share: 100%, at_least: 100}}
    rules:
      - {name: rollback-deployment, when: {alert: Undo}, target: {kind: Deployment}, do: [rollback], until: {for: 1s}}
      - name: rollback-late
        when: {alert: UndoLate}
        target: {kind: Deployment}
        if: target.replicas == 2
        do: [rollback]
      - {name: rollback-stateful, when: {alert: UndoSet}, target: {kind: StatefulSet}, do: [rollback]}
      - {name: rollback-daemon, when: {alert: UndoDaemon}, target: {kind: DaemonSet}, do: [rollback], until: {for: 1s}}
      - {name: restart, when: {alert: Restart}, target: {kind: Deployment}, do: [restart], until: {for: 1s}}
      - {name: restart-set, when: {alert: RestartSet}, target: {kind: StatefulSet}, do: [restart], until: {for: 1s}}
      - name: scale-up
        when: {alert: Busy}
        target: {kind: Deployment}
        do: [{scale: {by: +50%, max: 6}}]
        until: {for: 1s}
      - name: raise-bounds
        when: {alert: Maxed}
        target: {kind: HorizontalPodAutoscaler}
        do: [{scale_hpa: {max_replicas: {by: +50%, cap: 14}}}]
        until: {for: 1s}
      - {name: scale-same, when: {alert: Same}, target: {kind: Deployment}, do: [{scale: {to: 3}}]}
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

DEPLOYMENTS = (
    "undo", "by-kubectl", "fixed", "busy", "argo", "owned", "pause", "paused", "patch", "restart", "restart-by-kubectl",
)  # fmt: skip
_BUILD = {"statefulsets": stateful_set, "daemonsets": daemon_set}
REVISED = [
    (kind, name, is_there)
    for kind, first, is_there in (
        ("statefulsets", "set", rolled_out),
        ("daemonsets", "daemon", lambda one: one["status"].get("numberReady") == 3),
    )
    for name in (first, f"{first}-by-kubectl")
]
"""What goes back to a ControllerRevision: one by us, and one of each kind by kubectl."""
OTHER_IMAGE = "example.test/app:2.0"
NOT_OF_A_TEMPLATE = (REMEDIATION, FENCE, "deployment.kubernetes.io/revision")


BUSY, IDLE = "315m", "1m"
"""What each of the first three pods of `owned` uses: that wants twelve pods at 80 % of 100m each, or the fewest."""


@pytest.mark.usefixtures("metrics_server")
def test_every_action_on_workloads_against_the_audit_log(
    lab: Lab, namespace: str, site: Site, install: Install
) -> None:
    product = site.grant(site.printed(RULES))
    for name in DEPLOYMENTS:
        lab.admin.create(asking_for_cpu(deployment(name)), namespace)
    for build, name in ((stateful_set, "on-delete"), *((_BUILD[kind], name) for kind, name, _ in REVISED)):
        lab.admin.create(build(name), namespace)
    for name, most in (("owned", 10), ("capped", 14)):
        lab.admin.create(autoscaler(name, most), namespace)
    tracked = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/argo"}
    lab.admin.patch("deployments", "argo", {"metadata": {"annotations": tracked}}, namespace)
    lab.admin.create(pod("lonely"), namespace)
    lab.admin.create(job("running", "example.test/task:hang"), namespace)
    lab.admin.create(cron_job("report"), namespace)
    for name in DEPLOYMENTS:
        lab.admin.wait_for("deployments", name, namespace, rolled_out)
    faults.load(lab.admin, "owned", namespace, BUSY)
    for kind, name, is_there in REVISED:
        lab.admin.wait_for(kind, name, namespace, is_there)
    on_delete = {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}}
    lab.admin.patch("statefulsets", "on-delete", on_delete, namespace)
    with ThreadPoolExecutor(3) as breakers:
        list(breakers.map(lambda name: faults.stuck_rollout(lab.admin, name, namespace), DEPLOYMENTS[:3]))
    for kind, name, _ in REVISED:
        lab.admin.patch(kind, name, image("example.test/app:broken"), namespace)
        lab.admin.wait_for(kind, name, namespace, some_updated)
    lab.admin.patch("deployments", "paused", {"spec": {"paused": True}}, namespace)
    service = install(RULES, kubeconfig=product.kubeconfig).start()

    # success
    before = lab.admin.get("deployments", "undo", namespace)
    fire(service, namespace, "Undo", deployment="undo")
    fire(service, namespace, "UndoSet", statefulset="set")
    fire(service, namespace, "UndoDaemon", daemonset="daemon")
    fire(service, namespace, "Restart", deployment="restart")
    fire(service, namespace, "Busy", deployment="busy")
    fire(service, namespace, "Pause", deployment="pause")
    fire(service, namespace, "Resume", deployment="paused")
    fire(service, namespace, "Suspend", cronjob="report")
    fire(service, namespace, "Patch", deployment="patch")
    done = ("rollback-deployment", "rollback-daemon", "restart", "scale-up")
    for rule in (*done, "pause", "resume", "suspend", "patch-it"):
        ended(service, rule, "recovered")
    lab.admin.wait_for("horizontalpodautoscalers", "owned", namespace, is_at_its_limit)
    fire(service, namespace, "Maxed", horizontalpodautoscaler="owned")
    ended(service, "raise-bounds", "recovered")
    # a StatefulSet waits for its broken pod
    wait_for(lambda: wrote(lab, product, "set"), lambda number: number == 1, "the write to set")
    for what in ("deployment/by-kubectl", "statefulset/set-by-kubectl", "daemonset/daemon-by-kubectl"):
        kubectl(lab, namespace, "rollout", "undo", what)
    kubectl(lab, namespace, "rollout", "restart", "deployment/restart-by-kubectl")
    ours, theirs = (whole_template(lab, "deployments", name, namespace) for name in ("restart", "restart-by-kubectl"))
    at = [each["metadata"]["annotations"].pop(RESTARTED_AT) for each in (ours, theirs)]
    assert all(datetime.fromisoformat(each).tzinfo for each in at)
    assert without_name(ours, "restart") == without_name(theirs, "restart-by-kubectl")
    assert (
        template(lab, "undo", namespace) == template(lab, "by-kubectl", namespace) == old_template(before, GOOD_IMAGE)
    )
    assert notes(lab, "undo", namespace) == notes(lab, "by-kubectl", namespace)
    for kind, name in (("statefulsets", "set"), ("daemonsets", "daemon")):
        assert running(lab, kind, name, namespace) == GOOD_IMAGE
        ours, theirs = (whole_template(lab, kind, each, namespace) for each in (name, f"{name}-by-kubectl"))
        assert without_name(ours, name) == without_name(theirs, f"{name}-by-kubectl")
    assert lab.admin.get("deployments", "busy", namespace)["spec"]["replicas"] == 5
    assert lab.admin.get("horizontalpodautoscalers", "owned", namespace)["spec"]["maxReplicas"] == 14
    lab.admin.wait_for("deployments", "owned", namespace, lambda live: live["spec"]["replicas"] == 12)
    wait_for(
        lambda: used_by_kubectl_top(lab, namespace, "owned"),
        lambda used: sum(each > 300 for each in used) == 3,
        "the use of three pods: it was scaled by its metrics, not by us",
    )
    faults.load(lab.admin, "owned", namespace, IDLE)
    assert lab.admin.get("deployments", "pause", namespace)["spec"]["paused"] is True
    assert "paused" not in lab.admin.get("deployments", "paused", namespace)["spec"]
    assert lab.admin.get("cronjobs", "report", namespace)["spec"]["suspend"] is True
    assert lab.admin.get("deployments", "patch", namespace)["spec"]["minReadySeconds"] == 3
    for name in ("undo", "set", "daemon", "busy", "owned", "pause", "paused", "report", "patch", "restart"):
        assert wrote(lab, product, name) == 1, name

    # refusal
    fire(service, namespace, "Busy", deployment="owned")
    fire(service, namespace, "Busy", deployment="argo")
    fire(service, namespace, "RestartSet", statefulset="on-delete")
    fire(service, namespace, "Pause", deployment="pause", pod="again")
    fire(service, namespace, "Resume", deployment="busy")
    fire(service, namespace, "Suspend", cronjob="report", pod="again")
    fire(service, namespace, "Maxed", horizontalpodautoscaler="capped")
    fire(service, namespace, "Patch", deployment="patch", pod="again")
    fire(service, namespace, "Undo", deployment="busy")
    fire(service, namespace, "Same", deployment="paused")
    fire(service, namespace, "Restart", deployment="pause")
    fire(service, namespace, "Undo", deployment="pause", pod="again")
    fire(service, namespace, "Sick", pod="lonely")
    fire(service, namespace, "Failed", job_name="running")
    fire(service, namespace, "Clutter", job_name="running")
    assert "scale_hpa" in denied(service, "scale-up", "owned", "autoscaler")
    assert "Argo CD" in denied(service, "scale-up", "argo", "gitops")
    assert "OnDelete" in denied(service, "restart-set", "on-delete", "plan")
    assert "paused" in denied(service, "pause", "pause", "plan")
    assert denied(service, "resume", "busy", "plan") == "the roll-out is not paused"
    assert denied(service, "suspend", "report", "plan") == "it is suspended already"
    assert denied(service, "raise-bounds", "capped", "plan") == "it scales from 3 to 14 replicas already"
    assert denied(service, "patch-it", "patch", "plan") == "everything is as the patch would have it"
    assert denied(service, "rollback-deployment", "busy", "plan").startswith("no earlier revision to go back to")
    assert denied(service, "scale-same", "paused", "plan") == "it has 3 replicas already"
    for rule in ("restart", "rollback-deployment"):
        assert "paused" in denied(service, rule, "pause", "plan")
    assert "no controller owns it" in denied(service, "evict-pod", "lonely", "plan")
    assert "it runs still" in denied(service, "rerun-job", "running", "plan")
    assert denied(service, "clear-pods", "running", "plan") == "it has no such pod"
    for name in ("argo", "capped", "lonely", "running"):
        assert wrote(lab, product, name) == 0, name

    # a person's fix that takes an old revision again after the alert began is not undone
    fire(service, namespace, "UndoLate", deployment="fixed")
    wait_for(lambda: lines(service, "incident_opened", "rollback-late"), bool, "the alert about it")
    time.sleep(1.1)  # the books of an object count whole seconds
    kubectl(lab, namespace, "rollout", "undo", "deployment/fixed")
    lab.admin.patch("deployments", "fixed", {"spec": {"replicas": 2}}, namespace)  # now nothing else holds it back
    fire(service, namespace, "UndoLate", deployment="fixed", instance="another")
    assert "after the alert began: somebody is at work" in denied(service, "rollback-late", "fixed", "plan")
    assert wrote(lab, product, "fixed") == 0

    # what is used falls, and the autoscaler goes down within its bounds, of which ours is the upper one
    lab.admin.wait_for("deployments", "owned", namespace, lambda live: live["spec"]["replicas"] == 3)
    assert wrote(lab, product, "owned") == 1
    assert {one.code for one in lab.refused(product)} <= {409}, "but for what a controller wrote at the same moment"
    service.verify()


IN_VAIN = """
groups:
  - name: in-vain
    guards: {{startup_grace: 0s, cooldown: 0s, budget: {{max: 100, per: 1h}}, max_in_flight: 20,
             global_max_in_flight: 40, storm: {{share: 100%, at_least: 100}}}}
    rules:
{rules}"""
RULE = """
      - name: {name}
        when: {{alert: '{name}'}}
        target: {{kind: {kind}}}
        do: [{do}]
        until: {{ready: false, check: 'target.age < duration("1s")', for: 1s, within: {within}, on_failure: undo}}
"""
SETTING: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "scale": ("Deployment", "deployment", "{scale: {to: 5}}", {"replicas": 6}),
    "scale-hpa": (
        "HorizontalPodAutoscaler",
        "horizontalpodautoscaler",
        "{scale_hpa: {max_replicas: {to: 12}}}",
        {"maxReplicas": 13},
    ),
    "rollout-pause": ("Deployment", "deployment", "rollout_pause", {"paused": None}),
    "rollout-resume": ("Deployment", "deployment", "rollout_resume", {"paused": True}),
    "suspend": ("CronJob", "cronjob", "suspend_cronjob", {"suspend": False}),
    "patch": ("Deployment", "deployment", "{patch: {patch: {spec: {minReadySeconds: 3}}}}", {"minReadySeconds": 7}),
    "rollback": ("Deployment", "deployment", "{rollback: {to_revision: 1}}", {}),
    "rollback-set": ("StatefulSet", "statefulset", "{rollback: {to_revision: 1}}", {}),
    "rollback-daemon": ("DaemonSet", "daemonset", "{rollback: {to_revision: 1}}", {}),
}
"""Each action that sets fields: on what, how, and what a person makes of the field meanwhile."""
TWICE = ("rollout-pause", "rollout-resume", "suspend")
"""Where a person can only take it back: it is made once more, and the second time is the last."""
BOTH = ("alone", "beside")
"""Two objects for each: one undo is ours to make, the other object a person changes before its time is over."""


def test_what_did_not_help_is_taken_back_but_for_what_somebody_changed_meanwhile(
    lab: Lab, namespace: str, site: Site, install: Install, tmp_path: Path
) -> None:
    for name, (kind, *_) in SETTING.items():
        for how in BOTH:
            lab.admin.create(_MADE[kind](f"{name}-{how}"), namespace)
    for name in (f"{name}-{how}" for name, (kind, *_) in SETTING.items() for how in BOTH if kind == "Deployment"):
        lab.admin.wait_for("deployments", name, namespace, rolled_out)
    for how in BOTH:
        for name in (each for each in SETTING if each.startswith("rollback")):
            faults.new_image(lab.admin, PLURAL[SETTING[name][0]], f"{name}-{how}", namespace, "example.test/app:broken")
        lab.admin.patch("deployments", f"rollout-resume-{how}", {"spec": {"paused": True}}, namespace)
    before = {name: spec(lab, name, "alone", namespace) for name in SETTING}
    rules = [
        RULE.format(name=f"{name}-{how}", kind=kind, do=do, within="20m" if name in TWICE and how == "beside" else "3s")
        for name, (kind, _, do, _) in SETTING.items()
        for how in BOTH
    ]
    in_vain = IN_VAIN.format(rules="".join(rules))
    product = site.grant(site.printed(in_vain))
    # what a person changes once is changed before the answer to our write comes, so that its time cannot be over
    unanswered = {name: Held((f"/{name}-beside",), 1, "after") for name in SETTING if name not in TWICE}
    with HeldEach(lab, [*unanswered.values()]) as proxy:
        service = install(in_vain, proxy.kubeconfig(product, tmp_path)).start()
        for name, (_, label, *_) in SETTING.items():
            for how in BOTH:
                fire(service, namespace, f"{name}-{how}", **{label: f"{name}-{how}"})
        with ThreadPoolExecutor(len(SETTING)) as people:
            changes = [
                people.submit(somebody_changes, lab, service, name, namespace, unanswered.get(name)) for name in SETTING
            ]
            for change in changes:
                change.result()
        proxy.passes_on = True
        proxy.released.set()
        all_is_as_somebody_has_it(lab, service, product, namespace, before)


def all_is_as_somebody_has_it(
    lab: Lab, service: Service, product: Account, namespace: str, before: dict[str, dict[str, Any]]
) -> None:
    """What is ours is as it was before, and what a person changed as they left it."""
    for name in SETTING:
        applied(service, f"{name}-alone", 2)
        assert spec(lab, name, "alone", namespace) == before[name], name
        assert lines(service, "undo", f"{name}-alone"), name  # more than one where the object changed under it
        assert wrote(lab, product, f"{name}-alone") == 2, name
    for name, (*_, theirs) in SETTING.items():
        assert given_up(service, f"{name}-beside")["data"]["then"] == "person", name
        live = spec(lab, name, "beside", namespace)
        assert {key: live.get(key) for key in theirs} == theirs, name
        assert lines(service, "undo", f"{name}-beside") == [], name
    for name in (each for each in SETTING if each.startswith("rollback")):
        assert running(lab, PLURAL[SETTING[name][0]], f"{name}-beside", namespace) == OTHER_IMAGE
    assert {one.code for one in lab.refused(product)} <= {409}, "but for what a controller wrote at the same moment"
    service.verify()


def applied(service: Service, rule: str, times: int) -> None:
    """Wait until so many writes of a rule are done, its undo counted."""
    wait_for(
        lambda: [line for line in lines(service, "outcome", rule) if line["data"]["status"] == "applied"],
        lambda done: len(done) >= times,
        f"write {times} of {rule}",
    )


def somebody_changes(lab: Lab, service: Service, name: str, namespace: str, unanswered: Held | None) -> None:
    """A person sets what the action has just set, as often as it does so."""
    kind, _, _, theirs = SETTING[name]
    for turn in (1,) if unanswered else (1, 2):
        if unanswered:
            assert unanswered.event.wait(PATIENCE), name
        else:
            applied(service, f"{name}-beside", turn)
        body = {"spec": theirs} if theirs else image(OTHER_IMAGE)
        lab.admin.patch(PLURAL[kind], f"{name}-beside", body, namespace, how="merge" if theirs else "strategic")


def given_up(service: Service, rule: str) -> dict[str, Any]:
    """The verification after which a step is not made again; waits for it."""

    def last() -> list[dict[str, Any]]:
        failed = [line for line in lines(service, "verification", rule) if line["data"]["result"] == "failed"]
        return [line for line in failed if line["data"]["then"] != "again"]

    return wait_for(last, bool, f"{rule} to be given up")[0]


def spec(lab: Lab, name: str, how: str, namespace: str) -> dict[str, Any]:
    """The spec of an action's object."""
    return lab.admin.get(PLURAL[SETTING[name][0]], f"{name}-{how}", namespace)["spec"]


def fire(service: Service, namespace: str, name: str, **labels: str) -> None:
    assert service.post(alert(name, namespace, **labels)).status_code == 200


def lines(service: Service, kind: str, rule: str) -> list[dict[str, Any]]:
    return [line for line in service.lines(kind) if line["rule"] == rule]


def ended(service: Service, rule: str, reason: str) -> None:
    seen = wait_for(lambda: lines(service, "incident_closed", rule), bool, f"{rule} to end")
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

    return wait_for(verdicts, bool, f"{guard} to deny {rule} of {target}")[0]


def wrote(lab: Lab, product: Account, name: str) -> int:
    """Writes of the product to an object, as the audit log has them, fences left out."""
    return len([one for one in lab.writes(product) if one.name == name and FENCE not in str(one.body)])


def asking_for_cpu(workload: dict[str, Any]) -> dict[str, Any]:
    """A workload whose utilization can be told."""
    workload["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m"}}
    return workload


def is_at_its_limit(autoscaler: dict[str, Any]) -> bool:
    """Whether its metrics ask for more than it may have."""
    conditions = autoscaler["status"].get("conditions") or ()
    limited = {"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas"}
    return any(limited.items() <= each.items() for each in conditions)


def whole_template(lab: Lab, kind: str, name: str, namespace: str) -> dict[str, Any]:
    return lab.admin.get(kind, name, namespace)["spec"]["template"]


def without_name(template: dict[str, Any], name: str) -> str:
    """A template as text, whatever its workload is called."""
    return json.dumps(template, sort_keys=True).replace(f'"{name}"', '"NAME"')


def kubectl(lab: Lab, namespace: str, *words: str) -> str:
    command = [str(lab.kubectl), "--kubeconfig", str(lab.kubeconfig()), "-n", namespace, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout


def used_by_kubectl_top(lab: Lab, namespace: str, app: str) -> list[int]:
    """What an app's pods use in milli-CPUs."""
    rows = kubectl(lab, namespace, "top", "pods", "-l", f"app={app}", "--no-headers").splitlines()
    return [int(row.split()[1].removesuffix("m")) for row in rows]


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


def autoscaler(name: str, most: int = 10) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": 80}
    at_once = {"policies": [{"type": "Pods", "value": 20, "periodSeconds": 1}]}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 3,
            "maxReplicas": most,
            "behavior": {"scaleUp": at_once, "scaleDown": at_once | {"stabilizationWindowSeconds": 0}},
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


def in_trouble(lab: Lab, namespace: str) -> None:
    """A Deployment that serves, a Job that hangs, and two that have failed."""
    lab.admin.create(deployment("web"), namespace)
    for name, fate in (("stuck", "hang"), ("again", "fail"), ("clutter", "fail")):
        lab.admin.create(job(name, f"example.test/task:{fate}"), namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    for name in ("again", "clutter"):
        lab.admin.wait_for("jobs", name, namespace, has_failed)


def test_pods_and_jobs_are_taken_away_each_once(lab: Lab, namespace: str, site: Site, install: Install) -> None:
    product = site.grant(site.printed(RULES))
    in_trouble(lab, namespace)
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


_MADE = {
    "Deployment": deployment,
    "StatefulSet": stateful_set,
    "DaemonSet": daemon_set,
    "CronJob": cron_job,
    "HorizontalPodAutoscaler": autoscaler,
}
PLURAL = {kind: f"{kind.lower()}s" for kind in _MADE}


def has_failed(job: dict[str, Any]) -> bool:
    return any(each["type"] == "Failed" for each in job["status"].get("conditions") or ())
