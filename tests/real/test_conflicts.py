"""What a write meets, on a real API server, for every action: somebody else's write in between (409), an object that is
gone (404), what no right would help (422), an API server in trouble (429, 5xx), an answer that is lost. Under the roles
that `remediator rbac` prints, counted in the audit log.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from remediator.executor import FENCE
from tests.lab import faults
from tests.lab.client import Json
from tests.lab.lab import Lab
from tests.lab.resources import path_of
from tests.lab.waiting import PATIENCE, wait_for
from tests.lab.workloads import deployment, job, pod_template, rolled_out, stateful_set
from tests.real.conftest import Install
from tests.real.held_api import HeldApi
from tests.real.service import Line, Service, alert
from tests.real.site import Site
from tests.real.test_workload_actions import autoscaler, cron_job, has_failed

pytestmark = pytest.mark.lab

TAINT = {"key": "example.org/broken", "value": "disk", "effect": "NoSchedule"}
LABELS = {
    "Deployment": "deployment",
    "StatefulSet": "statefulset",
    "ReplicaSet": "replicaset",
    "HorizontalPodAutoscaler": "horizontalpodautoscaler",
    "CronJob": "cronjob",
    "Job": "job_name",
    "Pod": "pod",
    "Node": "node",
}
"""By which label of its alert a target is named."""


@dataclass(frozen=True)
class Case:
    """One action on a target of its own. `written` is what it writes to, where that is another object; `writes` how
    many writes the step has.
    """

    name: str
    kind: str
    do: str
    writes: int = 1


CASES = (
    Case("restart", "Deployment", "restart"),
    Case("rollback", "Deployment", "rollback: {to_revision: 1}"),
    Case("rollout-pause", "Deployment", "rollout_pause"),
    Case("rollout-resume", "Deployment", "rollout_resume"),
    Case("patch", "Deployment", "patch: {type: merge, patch: {spec: {minReadySeconds: 2}}}"),
    Case("scale-set", "StatefulSet", "scale: {by: 1}"),
    Case("scale-replicas", "ReplicaSet", "scale: {to: 2}"),
    Case("scale-hpa", "HorizontalPodAutoscaler", "scale_hpa: {max_replicas: {to: 12}}"),
    Case("suspend-cronjob", "CronJob", "suspend_cronjob"),
    Case("evict", "Pod", "evict"),
    Case("delete-job", "Job", "delete_job"),
    Case("rerun-job", "Job", "rerun_job", writes=2),
    Case("delete-pods", "Job", "delete_pods: {phase: [Failed]}"),
    Case("cordon", "Node", "cordon"),
    Case("uncordon", "Node", "uncordon: {foreign: true}"),
    Case("taint", "Node", f"taint: {{key: {TAINT['key']}, value: disk, effect: NoSchedule}}"),
    Case("untaint", "Node", f"untaint: {{key: {TAINT['key']}, foreign: true}}"),
    Case("drain", "Node", "drain"),
)
ANSWERED = ("throttled", "broken", "lost", "gone", "invalid")
"""Deployments that are restarted, or patched as the API server will not have it."""
RULES = (
    """
groups:
  - name: met
    guards: {startup_grace: 0s, cooldown: 0s, budget: {max: 100, per: 1h}, max_in_flight: 40, last_replica: allow,
             global_max_in_flight: 40, storm: {share: 100%, at_least: 100}}
    rules:
"""
    + "".join(
        f"      - {{name: {case.name}, when: {{alert: {case.name}}}, target: {{kind: {case.kind}}},\n"
        f"         do: [{case.do if ':' not in case.do else f'{{{case.do}}}'}], until: {{for: 1s, within: 10m}}}}\n"
        for case in CASES
    )
    + """\
      - {name: met, when: {alert: met}, target: {kind: Deployment}, do: [restart], until: {for: 1s, within: 10m}}
      - name: bad
        when: {alert: bad}
        target: {kind: Deployment}
        do: [{patch: {patch: {spec: {minReadySeconds: -1}}}}]
"""
)


@pytest.fixture
def written(lab: Lab, namespace: str) -> Iterator[dict[str, tuple[str, str, str]]]:
    """What stands ready for each case: the name of its target, and the plural and name of what it writes to."""
    mark = secrets.token_hex(2)
    nodes = [f"{case.name}-{mark}" for case in CASES if case.kind == "Node"]
    with ThreadPoolExecutor(8) as builders:
        builders.map(lambda name: lab.nodes.add(name, taints=[ALONE]), nodes)
        made = dict(
            zip(
                (case.name for case in CASES),
                builders.map(lambda case: _made(lab, namespace, case, mark), CASES),
                strict=True,
            )
        )
        list(builders.map(lambda name: _running(lab, namespace, deployment(name, replicas=1)), ANSWERED))
    yield made
    for node in nodes:
        lab.admin.delete("nodes", node)


ALONE = {"key": "case", "value": "alone", "effect": "NoSchedule"}
"""No pod of another case is placed on a node that is drained."""


def _made(lab: Lab, namespace: str, case: Case, mark: str) -> tuple[str, str, str]:
    if case.kind == "Node":
        return _node(lab, f"{case.name}-{mark}", case)
    if case.kind == "Job":
        return _job(lab, namespace, case)
    if case.kind in ("HorizontalPodAutoscaler", "CronJob"):
        build = autoscaler if case.kind == "HorizontalPodAutoscaler" else cron_job
        lab.admin.create(build(case.name), namespace)
        return case.name, f"{case.kind.lower()}s", case.name
    builds = {"StatefulSet": stateful_set, "ReplicaSet": replica_set}
    _running(lab, namespace, builds.get(case.kind, deployment)(case.name, replicas=1))
    if case.name == "evict":
        (pod,) = lab.admin.list("pods", namespace, labels="app=evict")
        return pod["metadata"]["name"], "pods", pod["metadata"]["name"]
    if case.name == "rollback":
        faults.new_image(lab.admin, "deployments", case.name, namespace, "example.test/app:2.0")
        lab.admin.wait_for("deployments", case.name, namespace, rolled_out)
    if case.name == "rollout-resume":
        lab.admin.patch("deployments", case.name, {"spec": {"paused": True}}, namespace)
    return case.name, f"{case.kind.lower()}s", case.name


def _running(lab: Lab, namespace: str, workload: Json) -> None:
    lab.admin.create(workload, namespace)
    kind, name = f"{workload['kind'].lower()}s", workload["metadata"]["name"]
    is_there = rolled_out if kind != "replicasets" else (lambda live: live["status"].get("readyReplicas") == 1)
    lab.admin.wait_for(kind, name, namespace, is_there)


def _node(lab: Lab, node: str, case: Case) -> tuple[str, str, str]:
    lab.admin.wait_for("nodes", node, "", bool)
    if case.name == "uncordon":
        faults.cordoned_by_somebody(lab.admin, node)
    if case.name == "untaint":
        lab.admin.patch("nodes", node, {"spec": {"taints": [TAINT]}}, how="strategic")
    return node, "nodes", node


def _job(lab: Lab, namespace: str, case: Case) -> tuple[str, str, str]:
    lab.admin.create(job(case.name, f"example.test/task:{'hang' if case.name == 'delete-job' else 'fail'}"), namespace)
    if case.name != "delete-job":
        lab.admin.wait_for("jobs", case.name, namespace, has_failed)
    if case.name != "delete-pods":
        return case.name, "jobs", case.name
    (pod,) = lab.admin.list("pods", namespace, labels=f"app={case.name}")
    return case.name, "pods", pod["metadata"]["name"]


def replica_set(name: str, replicas: int) -> Json:
    """A ReplicaSet that no Deployment owns."""
    template = pod_template(name, "example.test/app:1.0")
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name}, "spec": spec}


def test_whatever_a_write_meets_there_is_one_in_the_end_or_none(
    lab: Lab,
    namespace: str,
    written: dict[str, tuple[str, str, str]],
    site: Site,
    install: Install,
    tmp_path: Path,
) -> None:
    product = site.grant(site.printed(RULES))
    with HeldApi(lab) as proxy:
        service = install(RULES, proxy.kubeconfig(product, tmp_path)).start()

        # somebody writes between the look and the write: 409, planned anew, and written once
        for case in CASES:
            target, kind, name = written[case.name]
            proxy.hold_write("before")
            fire(service, case.name, "" if case.kind == "Node" else namespace, LABELS[case.kind], target)
            assert proxy.held.wait(PATIENCE), case
            touch(lab, kind, name, "" if case.kind == "Node" else namespace)
            proxy.let_go()
            settled(service, case.name, "applied", case.writes)
            assert outcomes(service, case.name)[0] == "conflict", case
            assert done(service, case.name) == ["applied"] * case.writes, case
        refused = {(one.code, one.resource, one.name) for one in lab.refused(product)}
        assert refused == {(409, kind, name) for _, kind, name in written.values()}
        for case in CASES:
            assert wrote(lab, product.username, written[case.name][2]) == case.writes, case

        # an API server in trouble is asked again, no sooner than it says
        answers_late(service, proxy, namespace)
        # an answer that is lost: the write is found by its id, and not made again
        proxy.hold_write("after")
        fire(service, "met", namespace, "deployment", "lost")
        assert proxy.held.wait(PATIENCE)
        proxy.let_go()
        settled(service, "met", "adopted")
        assert done(service, "met") == ["applied", "applied", "adopted"]
        # an object that is gone under the write: the incident ends with it
        proxy.hold_write("before")
        fire(service, "met", namespace, "deployment", "gone")
        assert proxy.held.wait(PATIENCE)
        lab.admin.delete("deployments", "gone", namespace)
        proxy.let_go()
        settled(service, "met", "gone")
        assert closed(service, "gone") == "cancelled"
        # what the API server will not have, whoever asks, is refused before anything is written
        fire(service, "bad", namespace, "deployment", "invalid")
        assert "must be greater than or equal to 0" in denied(service, "bad")
    assert [(one.code, one.name) for one in lab.refused(product) if one.code != 409] == [(404, "gone")]
    assert [wrote(lab, product.username, name) for name in ANSWERED] == [1, 1, 1, 0, 0]
    service.verify()


def touch(lab: Lab, kind: str, name: str, namespace: str) -> None:
    """Somebody's write, under a name that owns nothing else of the object: its books have one instant for each name."""
    body = {"metadata": {"annotations": {"example.test/seen": "yes"}}}
    params = {"fieldManager": "somebody"}
    lab.admin.request("PATCH", path_of(kind, name, namespace), body, params, "application/merge-patch+json")


def answers_late(service: Service, proxy: HeldApi, namespace: str) -> None:
    """429 with a time to wait, then 500 and 503: each write is made once, afterwards."""
    before, proxy.troubles = len(proxy.arrivals), [(429, "2")]
    fire(service, "met", namespace, "deployment", "throttled")
    settled(service, "met", "applied")
    refused, again, *_ = proxy.arrivals[before:]
    assert again - refused >= 2, "as long as Retry-After says"
    proxy.troubles = [(500, ""), (503, "1")]
    fire(service, "met", namespace, "deployment", "broken")
    settled(service, "met", "applied", 2)
    assert (done(service, "met"), proxy.troubles) == (["applied", "applied"], [])


def fire(service: Service, rule: str, namespace: str, label: str, target: str) -> None:
    assert service.post(alert(rule, namespace, **{label: target})).status_code == 200


def of(service: Service, kind: str, rule: str) -> list[Line]:
    return [line for line in service.lines(kind) if line["rule"] == rule]


def outcomes(service: Service, rule: str) -> list[str]:
    """What became of a rule's writes so far, in their order."""
    return [line["data"]["status"] for line in of(service, "outcome", rule)]


def done(service: Service, rule: str) -> list[str]:
    """The same without conflicts, of which a controller that writes at this moment may make one more."""
    return [status for status in outcomes(service, rule) if status != "conflict"]


def settled(service: Service, rule: str, status: str, times: int = 1) -> None:
    """Wait until so many of a rule's writes came to this."""
    wait_for(lambda: outcomes(service, rule).count(status), lambda seen: seen >= times, f"{rule}: {times} {status}")


def closed(service: Service, name: str) -> str:
    """How the incident about a target ended; waits for it."""
    found = wait_for(
        lambda: [line for line in of(service, "incident_closed", "met") if line["target"]["name"] == name],
        bool,
        name,
    )
    return found[0]["data"]["reason"]


def denied(service: Service, rule: str) -> str:
    """What was denied of a rule's step, and why; waits for it."""

    def reasons() -> list[str]:
        verdicts = [each for line in of(service, "decision", rule) for each in line["data"]["verdicts"]]
        return [f"{each['guard']}: {each['reason']}" for each in verdicts if each["verdict"] == "deny"]

    return "; ".join(wait_for(reasons, bool, f"{rule} to be denied"))


def wrote(lab: Lab, account: str, name: str) -> int:
    """Writes of the account to what bears a name, as the audit log has them, fences left out."""
    return len([one for one in lab.writes(account) if one.name == name and FENCE not in str(one.body)])
