"""The lab against itself: real servers, and the oracle that all other lab tests trust."""

from __future__ import annotations

import json
import subprocess

import httpx
import pytest

from tests.lab import faults
from tests.lab.errors import ApiError, LabError
from tests.lab.fixtures import MakeAccount
from tests.lab.lab import Lab
from tests.lab.nodes import ZONES, is_ready
from tests.lab.waiting import wait_for
from tests.lab.workloads import deployment, disruption_budget, job, roll_out_is_stuck, rolled_out

pytestmark = pytest.mark.lab

PODS_AND_DEPLOYMENTS = [
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "create", "patch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "delete"]},
    {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
]


def test_three_nodes_are_ready_one_in_each_zone(lab: Lab) -> None:
    nodes = [lab.admin.get("nodes", f"node-{zone[-1]}") for zone in ZONES]
    assert [node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes] == list(ZONES)
    assert all(is_ready(node) for node in nodes)


def test_oracle_tells_writes_dry_runs_and_refusals_apart(lab: Lab, namespace: str, account: MakeAccount) -> None:
    who = account(PODS_AND_DEPLOYMENTS)
    annotation = {"metadata": {"annotations": {"example.test/seen": "yes"}}}
    who.api.create(deployment("web"), namespace)
    who.api.patch("deployments", "web", annotation, namespace, dry_run=True)
    who.api.patch("deployments", "web", annotation, namespace)
    with pytest.raises(ApiError, match="403"):
        who.api.create({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "no"}}, namespace)

    assert [(one.verb, one.resource, one.name) for one in lab.writes(who)] == [
        ("create", "deployments", "web"),
        ("patch", "deployments", "web"),
    ]
    assert [(one.verb, one.name, one.code) for one in lab.dry_runs(who)] == [("patch", "web", 200)]
    assert [(one.verb, one.resource, one.code) for one in lab.refused(who)] == [("create", "configmaps", 403)]
    patch = lab.writes(who)[-1]
    assert patch.body == annotation
    assert patch.user_agent == "lab-account-remediator"
    assert patch.namespace == namespace


def test_oracle_sees_the_dry_runs_that_are_asked_for_in_a_body(lab: Lab, namespace: str, account: MakeAccount) -> None:
    who = account(PODS_AND_DEPLOYMENTS)
    lab.admin.create(deployment("web"), namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    pods = [pod["metadata"]["name"] for pod in lab.admin.list("pods", namespace)]
    who.api.evict(pods[0], namespace, dry_run=True)
    who.api.delete("pods", pods[1], namespace, options={"dryRun": ["All"]})
    who.api.evict(pods[2], namespace)

    assert [one.name for one in lab.dry_runs(who)] == [pods[0], pods[1]]
    assert [(one.subresource, one.name) for one in lab.writes(who)] == [("eviction", pods[2])]


def test_oracle_does_not_count_questions_as_writes(lab: Lab, account: MakeAccount) -> None:
    who = account()
    review = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1"}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    who.api.request("POST", path, review | {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}})
    assert lab.writes(who) == ()
    assert [one.resource for one in lab.requests(who)] == ["selfsubjectaccessreviews"]


def test_refused_eviction_is_no_write(lab: Lab, namespace: str, account: MakeAccount) -> None:
    who = account(PODS_AND_DEPLOYMENTS)
    lab.admin.create(deployment("web", replicas=1), namespace)
    lab.admin.create(disruption_budget("web", "web", min_available=1), namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    lab.admin.wait_for("poddisruptionbudgets", "web", namespace, lambda pdb: pdb["status"]["currentHealthy"] == 1)
    pod = lab.admin.list("pods", namespace)[0]["metadata"]["name"]
    with pytest.raises(ApiError, match="429"):
        who.api.evict(pod, namespace)
    assert lab.writes(who) == ()
    assert [one.code for one in lab.refused(who)] == [429]


def test_account_has_the_rights_given_and_its_kubeconfig_works(lab: Lab, namespace: str, account: MakeAccount) -> None:
    who = account(PODS_AND_DEPLOYMENTS)

    def kubectl(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(lab.kubectl), f"--kubeconfig={who.kubeconfig}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert json.loads(kubectl("get", "pods", "-o", "json").stdout)["items"] == []
    assert "forbidden" in kubectl("get", "secrets").stderr.lower()
    assert "forbidden" in kubectl("get", "nodes").stderr.lower()


def test_broken_image_gets_a_roll_out_stuck_and_the_old_pods_stay(lab: Lab, namespace: str) -> None:
    lab.admin.create(deployment("web"), namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    stuck = faults.stuck_rollout(lab.admin, "web", namespace)
    assert roll_out_is_stuck(stuck)
    assert stuck["status"]["availableReplicas"] == 3
    wait_for(
        lambda: sorted(_waiting_reason(pod) for pod in lab.admin.list("pods", namespace)),
        lambda reasons: reasons == ["", "", "", "ImagePullBackOff"],
        "three old pods, and one whose image is not to be had",
    )


def test_crash_loop_counts_its_restarts_and_says_how_it_ended(lab: Lab, namespace: str) -> None:
    lab.admin.create(deployment("web", faults.CRASHING_IMAGE, replicas=1), namespace)
    lab.admin.create(deployment("big", faults.OUT_OF_MEMORY_IMAGE, replicas=1), namespace)
    for app, code in (("web", 1), ("big", 137)):
        name = _only_pod(lab, namespace, app)
        pod = lab.admin.wait_for(
            "pods",
            name,
            namespace,
            lambda pod: pod["status"]["containerStatuses"][0]["restartCount"] >= 2 and _waiting_reason(pod),
        )
        assert _waiting_reason(pod) == "CrashLoopBackOff"
        assert pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == code


def test_jobs_end_as_their_image_says(lab: Lab, namespace: str) -> None:
    for name, image in (("good", "example.test/job"), ("bad", faults.FAILING_JOB_IMAGE)):
        lab.admin.create(job(name, image), namespace)
    lab.admin.wait_for("jobs", "good", namespace, lambda job: job["status"].get("succeeded") == 1)
    lab.admin.wait_for("jobs", "bad", namespace, lambda job: job["status"].get("failed") == 1)


def test_deleted_pods_are_replaced(lab: Lab, namespace: str) -> None:
    lab.admin.create(deployment("web"), namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    gone = set(faults.deleted_pods(lab.admin, namespace, "app=web"))
    assert len(gone) == 3
    names = wait_for(
        lambda: {pod["metadata"]["name"] for pod in lab.admin.list("pods", namespace)},
        lambda names: len(names) == 3 and not names & gone,
        "three other pods",
    )
    for name in names:
        lab.admin.wait_for("pods", name, namespace, lambda pod: pod["status"]["containerStatuses"][0]["ready"])


def test_node_stays_not_ready_until_it_is_cured(lab: Lab) -> None:
    lab.nodes.add("node-sick")
    try:
        faults.node_not_ready(lab.admin, "node-sick")
        lab.admin.wait_for("nodes", "node-sick", "", lambda node: _taint(node, "node.kubernetes.io/not-ready"))
        faults.node_ready(lab.admin, "node-sick")
        lab.admin.wait_for("nodes", "node-sick", "", lambda node: not node["spec"].get("taints"))
    finally:
        lab.admin.delete("nodes", "node-sick")


def test_api_server_that_was_down_comes_back_with_its_objects(lab: Lab, namespace: str) -> None:
    lab.admin.create(deployment("web"), namespace)
    with lab.control_plane.api_server_down(), pytest.raises(httpx.ConnectError):
        lab.admin.get("deployments", "web", namespace)
    lab.admin.wait_for("deployments", "web", namespace, rolled_out)
    assert [one.resource for one in lab.writes("admin", namespace)][-1] == "deployments"


def test_waiting_in_vain_says_what_was_seen(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"Node /node-a.*Seen last"):
        lab.admin.wait_for("nodes", "node-a", "", lambda node: False, timeout=0.2)


def _waiting_reason(pod: dict) -> str:
    return pod["status"]["containerStatuses"][0]["state"].get("waiting", {}).get("reason", "")


def _only_pod(lab: Lab, namespace: str, app: str) -> str:
    pods = wait_for(lambda: lab.admin.list("pods", namespace, f"app={app}"), bool, f"a pod of {app}")
    return pods[0]["metadata"]["name"]


def _taint(node: dict, key: str) -> bool:
    return any(taint["key"] == key for taint in node["spec"].get("taints", []))
