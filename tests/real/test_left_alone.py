"""What is somebody else's, or on its way out, is left alone, on a real control plane: what Argo CD, Flux, Helm and KEDA
keep, and a namespace that is being deleted. Under the roles that `remediator rbac` prints, judged by the audit log.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remediator.executor import FENCE
from tests.lab.client import Json
from tests.lab.helm import Helm
from tests.lab.lab import Lab
from tests.lab.waiting import PATIENCE, wait_for
from tests.lab.webhook import WebhookReceiver
from tests.lab.workloads import deployment, job, rolled_out, stateful_set
from tests.real.conftest import Install
from tests.real.held_api import HeldApi
from tests.real.service import Line, Service, alert
from tests.real.site import Site
from tests.real.test_workload_actions import autoscaler, cron_job, has_failed

pytestmark = pytest.mark.lab

POLICIES = {"unsaid": ""} | {each: f", guards: {{gitops: {each}}}" for each in ("refuse", "notify", "allow")}
KEPT_RULES = """
groups:
  - name: kept
    guards: {startup_grace: 0s, cooldown: 0s, budget: {max: 100, per: 1h}, max_in_flight: 40,
             global_max_in_flight: 40, storm: {share: 100%, at_least: 100}}
    rules:
""" + "".join(
    f"      - {{name: {policy}, when: {{alert: {policy}}}, target: {{kind: Deployment}},\n"
    "         until: {for: 3s, within: 20m},\n"
    f"         do: [{{scale: {{to: 2}}}}, {{escalate: {{receiver: oncall}}}}]{guards}}}\n"
    for policy, guards in POLICIES.items()
)
KEPT_RULES += """\
      - name: fought
        when: {alert: fought}
        target: {kind: Deployment}
        guards: {gitops: allow}
        do: [{scale: {to: 2}}, {escalate: {receiver: oncall}}]
        until: {for: 10m, within: 20m}
      - name: raise
        when: {alert: raise}
        target: {kind: HorizontalPodAutoscaler}
        do: [{scale_hpa: {max_replicas: {to: 20}}}]
"""
MARKS: dict[str, tuple[str, Json, Json]] = {
    "argo": ("argocd-controller", {}, {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}),
    "argo-by-label": ("argocd-controller", {"app.kubernetes.io/instance": "shop"}, {}),
    "flux-kustomize": (
        "kustomize-controller",
        {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"},
        {},
    ),
    "flux-helm": (
        "helm-controller",
        {
            "helm.toolkit.fluxcd.io/name": "shop",
            "helm.toolkit.fluxcd.io/namespace": "flux-system",
            "app.kubernetes.io/managed-by": "Helm",
        },
        {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop"},
    ),
}
"""By which field manager each tool applies, and the labels and annotations that it leaves. Helm itself runs here."""
WHOSE = {
    "argo": "Argo CD keeps",
    "argo-by-label": "Argo CD keeps",
    "flux-kustomize": "Flux keeps",
    "flux-helm": "Flux and Helm keep",
    "helm": "Helm keeps",
}


@pytest.fixture
def scaled_objects(lab: Lab) -> Iterator[None]:
    """KEDA's definition, as long as the test runs."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "scaledobjects.keda.sh"},
        "spec": {
            "group": "keda.sh",
            "scope": "Namespaced",
            "names": {"kind": "ScaledObject", "plural": "scaledobjects", "singular": "scaledobject"},
            "versions": [{"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
    lab.admin.create(definition)
    wait_for(lambda: lab.admin.request("GET", "/apis/keda.sh/v1alpha1/scaledobjects"), bool, "the definition")
    yield
    lab.admin.delete("customresourcedefinitions", "scaledobjects.keda.sh")


@pytest.mark.usefixtures("scaled_objects")
def test_what_argo_flux_helm_and_keda_keep_is_changed_as_the_policy_says(
    lab: Lab,
    namespace: str,
    site: Site,
    install: Install,
    receivers: list[object],
    oncall: WebhookReceiver,
    tmp_path: Path,
) -> None:
    product = site.grant(site.printed(KEPT_RULES, receivers=receivers))
    for tool in MARKS:
        for policy in POLICIES:
            reconcile(lab, namespace, tool, policy)
    helm_installs(lab, namespace, tmp_path)
    keda_scales(lab, namespace)
    names = [f"{tool}-{policy}" for tool in WHOSE for policy in POLICIES]
    for name in names:
        lab.admin.wait_for("deployments", name, namespace, rolled_out)
    service = install(KEPT_RULES, kubeconfig=product.kubeconfig, receivers=receivers).start()
    service.post(*(alert(name.rpartition("-")[2], namespace, deployment=name) for name in names))
    service.post(
        alert("allow", namespace, deployment="keda"),
        alert("raise", namespace, horizontalpodautoscaler="keda-hpa-keda"),
    )

    allowed = {f"{tool}-{policy}" for tool in WHOSE for policy in ("notify", "allow")} | {"helm-unsaid"}
    for name in names:
        said = gitops(service, name)
        assert said["reason"].startswith(f"{WHOSE[name.rpartition('-')[0]]} its replicas"), said
        assert said["verdict"] == ("allow" if name in allowed else "deny"), said
    for policy, words in (
        ("refuse", "change it there, or write"),
        ("notify", "may put it back"),
        ("allow", "allow it"),
    ):
        assert words in gitops(service, f"argo-{policy}")["reason"]
    assert "may put it back" in gitops(service, "helm-unsaid")["reason"], "Helm reconciles nothing by itself"

    for tool in WHOSE:
        wait_for(lambda tool=tool: told(oncall, f"{tool}-notify"), bool, f"word of {tool}")

    # whatever the policy: two hands do not set one target's replicas, nor KEDA's bounds
    assert "ScaledObject keda sets the replicas: change its bounds" in answer(service, "keda", "autoscaler")["reason"]
    assert answer(service, "keda-hpa-keda", "plan")["reason"] == "ScaledObject keda keeps its bounds"

    # what is put back is set once more, and then left to a person
    reconcile(lab, namespace, "flux-kustomize", "fought")
    service.post(alert("fought", namespace, deployment="flux-kustomize-fought"))
    for turn in (1, 2):
        applied(service, "flux-kustomize-fought", turn)
        reconcile(lab, namespace, "flux-kustomize", "fought")
    person = wait_for(lambda: told(oncall, "flux-kustomize-fought", "escalated"), bool, "a person to be told")
    assert person[0]["cause"] == "contended"
    for name in allowed:
        assert closed(service, name) == "recovered"
    written = sorted(one.name for one in lab.writes(product) if FENCE not in str(one.body))
    assert written == sorted([*allowed, *["flux-kustomize-fought"] * 2])
    assert {lab.admin.get("deployments", name, namespace)["spec"]["replicas"] for name in set(names) - allowed} == {1}
    assert {one.code for one in lab.refused(product)} <= {409}, "but for what a controller wrote at the same moment"
    service.verify()


def reconcile(lab: Lab, namespace: str, tool: str, policy: str) -> None:
    """Apply a manifest as a tool's controller does: server-side, by force, under its own name and with its marks."""
    manager, labels, annotations = MARKS[tool]
    made = deployment(f"{tool}-{policy}", replicas=1)
    made["metadata"]["labels"] |= labels
    made["metadata"]["annotations"] = annotations
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{tool}-{policy}"
    params = {"fieldManager": manager, "force": "true"}
    lab.admin.request("PATCH", path, made, params, "application/apply-patch+yaml")


def helm_installs(lab: Lab, namespace: str, folder: Path) -> None:
    """A release of a chart of one Deployment for each policy, by Helm itself."""
    chart = folder / "kept"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: kept, version: 1.0.0}")
    manifests = (json.dumps(deployment(f"helm-{policy}", replicas=1)) for policy in POLICIES)
    (chart / "templates" / "all.yaml").write_text("\n---\n".join(manifests))
    Helm(folder, lab.kubeconfig()).run("install", "kept", chart, "--namespace", namespace)


def keda_scales(lab: Lab, namespace: str) -> None:
    """A Deployment with a ScaledObject, and the autoscaler that KEDA makes of it."""
    lab.admin.create(deployment("keda", replicas=1), namespace)
    scaled = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "keda"}}
    scaled |= {"spec": {"scaleTargetRef": {"name": "keda"}, "maxReplicaCount": 9, "triggers": []}}
    path = f"/apis/keda.sh/v1alpha1/namespaces/{namespace}/scaledobjects"
    uid = lab.admin.request("POST", path, scaled)["metadata"]["uid"]
    made = autoscaler("keda", 9)
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "keda", "uid": uid, "controller": True}
    made["metadata"] = {"name": "keda-hpa-keda", "ownerReferences": [owner]}
    lab.admin.create(made, namespace)


def gitops(service: Service, name: str) -> dict[str, Any]:
    return answer(service, name, "gitops")


def answer(service: Service, name: str, guard: str) -> dict[str, Any]:
    """What a guard answered about a target; waits for it."""

    def verdicts() -> list[dict[str, Any]]:
        found = [each for line in of(service, "decision", name) for each in line["data"]["verdicts"]]
        return [each for each in found if each["guard"] == guard]

    return wait_for(verdicts, bool, f"{guard} of {name}")[0]


def of(service: Service, kind: str, name: str) -> list[Line]:
    return [line for line in service.lines(kind) if (line.get("target") or {}).get("name") == name]


def applied(service: Service, name: str, number: int) -> None:
    """Wait until so many writes to a target are done."""
    wait_for(
        lambda: len(outcome_of(service, name, "applied")), lambda found: found >= number, f"write {number} to {name}"
    )


def closed(service: Service, name: str) -> str:
    """How an incident about a target ended; waits for it."""
    return wait_for(lambda: of(service, "incident_closed", name), bool, f"the end of {name}")[0]["data"]["reason"]


GOING = {
    "restart": ("Deployment", "deployment", "web", "restart"),
    "rollback": ("Deployment", "deployment", "back", "{rollback: {to_revision: 1}}"),
    "scale": ("StatefulSet", "statefulset", "db", "{scale: {to: 5}}"),
    "scale-hpa": ("HorizontalPodAutoscaler", "horizontalpodautoscaler", "web", "{scale_hpa: {max_replicas: {to: 12}}}"),
    "pause": ("Deployment", "deployment", "held", "rollout_pause"),
    "suspend": ("CronJob", "cronjob", "report", "suspend_cronjob"),
    "patch": ("Deployment", "deployment", "patched", "{patch: {patch: {spec: {minReadySeconds: 3}}}}"),
    "rerun": ("Job", "job_name", "again", "rerun_job"),
    "delete": ("Job", "job_name", "endless", "delete_job"),
    "clear": ("Job", "job_name", "littered", "{delete_pods: {phase: [Failed]}}"),
    "evict": ("Pod", "pod", "db-0", "evict"),
}
GOING_RULES = """
groups:
  - name: going
    guards: {startup_grace: 0s, cooldown: 0s, budget: {max: 100, per: 1h}, max_in_flight: 40, last_replica: allow,
             global_max_in_flight: 40, storm: {share: 100%, at_least: 100}}
    rules:
""" + "".join(
    f"      - {{name: {name}, when: {{alert: {name}}}, target: {{kind: {kind}}}, do: [{do}],\n"
    "         until: {for: 1s, within: 20m}}\n"
    for name, (kind, _, _, do) in GOING.items()
)
GOING_RULES += """\
      - name: rerun-late
        when: {alert: rerun-late}
        target: {kind: Job}
        do: [rerun_job, {escalate: {receiver: oncall}}]
"""


@pytest.fixture
def going(lab: Lab) -> str:
    """A namespace that the test deletes; the account's own stays."""
    name = f"going-{secrets.token_hex(3)}"
    lab.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    lab.admin.wait_for("serviceaccounts", "default", name, lambda account: True)
    return name


def test_in_a_namespace_that_is_being_deleted_nothing_is_written(
    lab: Lab,
    going: str,
    site: Site,
    install: Install,
    receivers: list[object],
    oncall: WebhookReceiver,
    tmp_path: Path,
) -> None:
    """Every action on what is in it holds and its incident ends with the target; what it catches half done is told."""
    product = site.grant(site.printed(GOING_RULES, receivers=receivers))
    populate(lab, going)
    with HeldApi(lab) as proxy:
        service = install(GOING_RULES, proxy.kubeconfig(product, tmp_path), receivers=receivers).start()
        proxy.hold_write("before", 2)
        service.post(alert("rerun-late", going, job_name="late"))
        assert proxy.held.wait(PATIENCE), "the Job is deleted, and its successor on its way"
        with lab.control_plane.controllers.frozen():
            lab.admin.delete("namespaces", going)
            proxy.let_go()
            refused = wait_for(lambda: outcome_of(service, "late", "refused"), bool, "the refusal")
            assert "because it is being terminated" in refused[0]["data"]["detail"]
            names = {rule: name for rule, (_, _, name, _) in GOING.items()}
            service.post(*(alert(rule, going, **{GOING[rule][1]: name}) for rule, name in names.items()))
            for rule in names:
                assert held(service, rule) == "its namespace is being deleted", rule
        for rule in names:
            assert ended(service, rule) == "cancelled", rule
        wait_for(lambda: told(oncall, "late", "escalated"), bool, "a person to be told of the Job")
    assert [(one.verb, one.resource, one.name) for one in lab.writes(product)] == [("delete", "jobs", "late")]
    assert [(one.verb, one.name, one.code) for one in lab.refused(product)] == [("create", "late", 403)]
    service.verify()


def populate(lab: Lab, namespace: str) -> None:
    """Something for every action, in the state that it asks for."""
    for name in ("web", "back", "held", "patched"):
        lab.admin.create(deployment(name, replicas=1), namespace)
    lab.admin.create(stateful_set("db"), namespace)
    lab.admin.create(autoscaler("web"), namespace)
    lab.admin.create(cron_job("report"), namespace)
    for name in ("again", "littered", "late"):
        lab.admin.create(job(name, "example.test/task:fail"), namespace)
    lab.admin.create(job("endless", "example.test/task:hang"), namespace)
    for name in ("again", "littered", "late"):
        lab.admin.wait_for("jobs", name, namespace, has_failed)
    for kind, name in (("deployments", "back"), ("deployments", "web"), ("statefulsets", "db")):
        lab.admin.wait_for(kind, name, namespace, rolled_out)
    change = {"spec": {"minReadySeconds": 1, "template": {"metadata": {"labels": {"second": "yes"}}}}}
    lab.admin.patch("deployments", "back", change, namespace)
    lab.admin.wait_for("deployments", "back", namespace, rolled_out)


def outcome_of(service: Service, name: str, status: str) -> list[Line]:
    return [line for line in of(service, "outcome", name) if line["data"]["status"] == status]


def held(service: Service, rule: str) -> str:
    """Why the guard `rollout` held a rule's step; waits for it."""

    def reasons() -> list[str]:
        verdicts = [
            each for line in service.lines("decision") if line["rule"] == rule for each in line["data"]["verdicts"]
        ]
        return [each["reason"] for each in verdicts if (each["guard"], each["verdict"]) == ("rollout", "hold")]

    return wait_for(reasons, bool, f"{rule} to be held")[0]


def ended(service: Service, rule: str) -> str:
    """How a rule's incident ended; waits for it."""
    found = wait_for(
        lambda: [line for line in service.lines("incident_closed") if line["rule"] == rule], bool, f"{rule}'s end"
    )
    return found[0]["data"]["reason"]


def told(oncall: WebhookReceiver, name: str, occasion: str = "gitops") -> list[Json]:
    """Messages about a target on an occasion."""
    return [one for one in oncall.payloads if one["occasion"] == occasion and one["target"]["name"] == name]
