"""From an alert's labels to the owning workload or node, through live owners; what cannot be followed is no target."""

from __future__ import annotations

import pytest

from remediator.core.kinds import KINDS
from remediator.core.model import Json, Ref, Resource, Target
from remediator.core.rules import TargetSpec
from remediator.ports import ClusterError, Forbidden, NotFound, Throttled, Unavailable
from remediator.sources.targets import Unresolved, resolve


class Shelf:
    """A cluster of objects that own each other, for reading only; `asked` keeps what was read."""

    def __init__(self, *objects: Json, error: ClusterError | None = None) -> None:
        self.objects = {
            (each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]): each for each in objects
        }
        self.error, self.asked = error, []

    async def get(self, ref: Ref) -> Json:
        self.asked.append(str(ref))
        if self.error:
            raise self.error
        found = self.objects.get(key(ref.resource.kind, ref.namespace, ref.name))
        if found is None:
            raise NotFound(f"{ref} not found", status=404)
        return found

    async def list(self, resource: Resource, namespace: str = "", selector: str = "") -> list[Json]:
        self.asked.append(resource.plural)
        if self.error:
            raise self.error
        return [each for each in self.objects.values() if each["kind"] == resource.kind]


def key(kind: str, namespace: str, name: str, **_: object) -> tuple[str, str, str]:
    return kind, namespace, name


def obj(kind: str, name: str, owner: Json | None = None, namespace: str = "shop", **reference) -> Json:
    """An object, and who controls it."""
    meta: Json = {"name": name, "namespace": namespace, "uid": f"uid-{name}"}
    if owner is not None:
        api_version = KINDS[owner["kind"]].api_version if owner["kind"] in KINDS else "example.org/v1"
        given = {
            "apiVersion": api_version,
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "controller": True,
        }
        meta["ownerReferences"] = [given | {"uid": owner["metadata"]["uid"]} | reference]
    return {"kind": kind, "metadata": meta}


web = obj("Deployment", "web")
web_rs = obj("ReplicaSet", "web-5d", web)
web_pod = obj("Pod", "web-5d-x", web_rs)
db = obj("StatefulSet", "db")
db_pod = obj("Pod", "db-0", db)
logs = obj("DaemonSet", "logs")
logs_pod = obj("Pod", "logs-a", logs)
nightly = obj("CronJob", "nightly")
job = obj("Job", "nightly-1", nightly)
job_pod = obj("Pod", "nightly-1-z", job)
bare_pod = obj("Pod", "bare")
node = obj("Node", "n1", namespace="") | {
    "status": {
        "addresses": [
            {"type": "InternalIP", "address": "10.0.0.1"},
            {"type": "InternalIP", "address": "fd00::1"},
            {"type": "Hostname", "address": "n1.example.org"},
            {"type": "ExternalIP", "address": "192.0.2.7"},
        ]
    }
}
twins = [
    obj("Node", name, namespace="") | {"status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.9"}]}}
    for name in ("n2", "n3")
]
exporter = obj("Deployment", "kube-state-metrics", namespace="monitoring")
exporter_pod = obj("Pod", "kube-state-metrics-1", exporter, namespace="monitoring") | {
    "spec": {"nodeName": "n1"},
    "status": {"podIP": "10.1.0.5"},
}
claim = obj("PersistentVolumeClaim", "data")
claiming_pod = obj("Pod", "db-1", db) | {
    "spec": {"nodeName": "n1", "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]},
    "status": {"podIP": "10.1.0.6"},
}
web_hpa = obj("HorizontalPodAutoscaler", "web-hpa") | {
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
}
odd_hpa = obj("HorizontalPodAutoscaler", "odd-hpa") | {
    "spec": {"scaleTargetRef": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web"}}
}
static_pod = obj("Pod", "etcd-n1", node)
rollout_rs = obj("ReplicaSet", "canary-7", {"kind": "Rollout", "metadata": {"name": "canary", "uid": "uid-canary"}})
rollout_pod = obj("Pod", "canary-7-x", rollout_rs)
kruise_pod = obj("Pod", "cache-0", db, apiVersion="apps.kruise.io/v1beta1")
orphan_pod = obj("Pod", "orphan", web, uid="uid-of-a-predecessor")
lost_pod = obj("Pod", "lost", obj("ReplicaSet", "collected"))
co_owned_pod = obj("Pod", "co-owned", db, controller=False)

CLUSTER = (
    *(web, web_rs, web_pod, db, db_pod, logs, logs_pod, nightly, job, job_pod, bare_pod, node, static_pod),
    *(rollout_rs, rollout_pod, kruise_pod, orphan_pod, lost_pod, co_owned_pod),
    *(*twins, exporter, exporter_pod, claim, claiming_pod, web_hpa, odd_hpa),
)


async def target_of(spec: TargetSpec, **labels: str) -> str:
    """The target in words, or why there is none."""
    found = await resolve(Shelf(*CLUSTER), spec, labels)
    if isinstance(found, Unresolved):
        return found.reason
    assert found.uid == f"uid-{found.name}"
    return str(found)


SHOP = {"namespace": "shop"}
EXPORTER = {"namespace": "monitoring", "pod": "kube-state-metrics-1"}


@pytest.mark.parametrize(
    ("kind", "labels", "expected"),
    [
        # the labels that name the wanted kind itself
        ("Deployment", {**SHOP, "deployment": "web"}, "Deployment/shop/web"),
        ("StatefulSet", {**SHOP, "statefulset": "db"}, "StatefulSet/shop/db"),
        ("DaemonSet", {**SHOP, "daemonset": "logs"}, "DaemonSet/shop/logs"),
        ("Job", {**SHOP, "job_name": "nightly-1"}, "Job/shop/nightly-1"),
        ("CronJob", {**SHOP, "cronjob": "nightly"}, "CronJob/shop/nightly"),
        ("Node", {"node": "n1"}, "Node/n1"),
        ("Node", {**SHOP, "node": "n1"}, "Node/n1"),
        ("Pod", {**SHOP, "pod": "bare"}, "Pod/shop/bare"),
        # up the owner chain to the wanted kind
        ("Deployment", {**SHOP, "pod": "web-5d-x"}, "Deployment/shop/web"),
        ("Deployment", {**SHOP, "replicaset": "web-5d"}, "Deployment/shop/web"),
        ("StatefulSet", {**SHOP, "pod": "db-0"}, "StatefulSet/shop/db"),
        ("DaemonSet", {**SHOP, "pod": "logs-a"}, "DaemonSet/shop/logs"),
        ("Job", {**SHOP, "pod": "nightly-1-z"}, "Job/shop/nightly-1"),
        ("CronJob", {**SHOP, "pod": "nightly-1-z"}, "CronJob/shop/nightly"),
        ("CronJob", {**SHOP, "job_name": "nightly-1"}, "CronJob/shop/nightly"),
        ("Pod", {**SHOP, "pod": "web-5d-x"}, "Pod/shop/web-5d-x"),
        # no kind named: what the chain ends in
        ("", {**SHOP, "pod": "web-5d-x"}, "Deployment/shop/web"),
        ("", {**SHOP, "pod": "nightly-1-z"}, "CronJob/shop/nightly"),
        ("", {**SHOP, "pod": "bare"}, "Pod/shop/bare"),
        ("", {"node": "n1"}, "Node/n1"),
        ("", {**SHOP, "pod": "etcd-n1"}, "Pod/shop/etcd-n1"),
        ("", {**SHOP, "pod": "canary-7-x"}, "ReplicaSet/shop/canary-7"),
        # a workload's own label goes before its pods'
        ("Deployment", {**SHOP, "deployment": "web", "pod": "kube-state-metrics-1"}, "Deployment/shop/web"),
        ("", {**SHOP, "deployment": "web", "pod": "db-0"}, "Deployment/shop/web"),
        # exported_* is the victim where the exporter's own labels clash
        ("", {**EXPORTER, "exported_namespace": "shop", "exported_pod": "db-0"}, "StatefulSet/shop/db"),
        ("Deployment", {**EXPORTER, "exported_namespace": "shop", "deployment": "web"}, "Deployment/shop/web"),
        ("Node", {"exported_node": "n1", "node": "n2"}, "Node/n1"),
        ("", {**EXPORTER, "exported_namespace": "shop", "exported_pod": "db-0", "node": "n9"}, "StatefulSet/shop/db"),
        # autoscalers, and what they scale
        (
            "HorizontalPodAutoscaler",
            {**SHOP, "horizontalpodautoscaler": "web-hpa"},
            "HorizontalPodAutoscaler/shop/web-hpa",
        ),
        ("", {**SHOP, "horizontalpodautoscaler": "web-hpa"}, "HorizontalPodAutoscaler/shop/web-hpa"),
        ("Deployment", {**SHOP, "horizontalpodautoscaler": "web-hpa"}, "Deployment/shop/web"),
        # claims
        ("PersistentVolumeClaim", {**SHOP, "persistentvolumeclaim": "data"}, "PersistentVolumeClaim/shop/data"),
        # a node by an address, as kubelets and node exporters are scraped
        ("Node", {"instance": "10.0.0.1:9100"}, "Node/n1"),
        ("Node", {"instance": "[fd00:0::1]:10250"}, "Node/n1"),
        ("Node", {"instance": "N1.example.org:9100"}, "Node/n1"),
        ("Node", {"instance": "192.0.2.7"}, "Node/n1"),
        ("Node", {"instance": "n1:9100"}, "Node/n1"),
        ("Node", {"node": "n1", "instance": "10.0.0.9:9100"}, "Node/n1"),
        ("Node", {**EXPORTER, "instance": "10.0.0.1:9100"}, "Node/n1"),
        # a pod beside other labels is meant where the live cluster bears them out
        ("Pod", {**SHOP, "pod": "web-5d-x", "deployment": "web"}, "Pod/shop/web-5d-x"),
        ("Pod", {**SHOP, "pod": "db-1", "node": "n1", "instance": "10.0.0.1:10250"}, "Pod/shop/db-1"),
        ("StatefulSet", {**SHOP, "pod": "db-1", "persistentvolumeclaim": "data"}, "StatefulSet/shop/db"),
        ("", {**SHOP, "pod": "db-1", "node": "n1"}, "StatefulSet/shop/db"),
    ],
)
async def test_whom_the_labels_speak_of(kind, labels, expected):
    assert await target_of(TargetSpec(kind), **labels) == expected


@pytest.mark.parametrize(
    ("kind", "labels", "reason"),
    [
        (
            "Deployment",
            {},
            "the alert has none of the labels that name a Deployment: deployment, replicaset, horizontalpodautoscaler",
        ),
        ("", {}, "the alert has none of the labels that name a target: a well-known label"),
        ("Deployment", {**SHOP, "deployment": ""}, "the alert has none of the labels that name a Deployment"),
        ("Deployment", {"deployment": "web"}, "no label 'namespace' to say where Deployment web is"),
        ("Deployment", {**SHOP, "deployment": "api"}, "Deployment/shop/api not found"),
        ("Deployment", {"namespace": "cart", "deployment": "web"}, "Deployment/cart/web not found"),
        ("Deployment", {**SHOP, "pod": "lost"}, "ReplicaSet/shop/collected not found"),
        ("Deployment", {**SHOP, "pod": "db-0"}, "Pod/shop/db-0 is not owned by a Deployment"),
        ("Deployment", {**SHOP, "pod": "bare"}, "Pod/shop/bare is not owned by a Deployment"),
        ("Deployment", {**SHOP, "pod": "orphan"}, "Deployment/shop/web is another object of its name"),
        ("StatefulSet", {**SHOP, "pod": "cache-0"}, "Pod/shop/cache-0 is not owned by a StatefulSet"),
        ("StatefulSet", {**SHOP, "pod": "co-owned"}, "Pod/shop/co-owned is not owned by a StatefulSet"),
        ("Deployment", {**SHOP, "pod": "canary-7-x"}, "Pod/shop/canary-7-x is not owned by a Deployment"),
        ("Node", {**SHOP, "pod": "etcd-n1"}, "the alert has none of the labels that name a Node: node"),
        ("Namespace", {**SHOP, "pod": "bare"}, "the alert has none of the labels that name a Namespace: there is none"),
        ("StatefulSet", {**SHOP, "horizontalpodautoscaler": "web-hpa"}, "web-hpa is not owned by a StatefulSet"),
        ("Deployment", {**SHOP, "horizontalpodautoscaler": "odd-hpa"}, "odd-hpa is not owned by a Deployment"),
        # the exporter is never the victim
        (
            "Pod",
            {**EXPORTER, "exported_namespace": "shop"},
            "'pod' is the exporter's, since the alert has 'exported_namespace'",
        ),
        (
            "",
            {**EXPORTER, "exported_namespace": "shop"},
            "'pod' is the exporter's, since the alert has 'exported_namespace'",
        ),
        ("Pod", {**EXPORTER, "exported_namespace": "shop", "deployment": "web"}, "'pod' is the exporter's"),
        ("StatefulSet", {**EXPORTER, "exported_pod": "db-0"}, "the label 'namespace' is the exporter's"),
        (
            "Deployment",
            {**EXPORTER, "exported_pod": "db-0", "deployment": "web"},
            "the label 'namespace' is the exporter's",
        ),
        (
            "Deployment",
            {**EXPORTER, "node": "n1", "instance": "10.1.0.5:8080"},
            "may be the exporter, since the alert also speaks of Node n1",
        ),
        ("", {**EXPORTER, "node": "n1", "instance": "10.1.0.5:8080"}, "may be the exporter"),
        ("Deployment", {**EXPORTER, "node": "n2"}, "may be the exporter, since the alert also speaks of Node n2"),
        ("Pod", {**EXPORTER, "horizontalpodautoscaler": "web-hpa"}, "may be the exporter"),
        ("Pod", {**EXPORTER, "persistentvolumeclaim": "data"}, "may be the exporter"),
        (
            "Pod",
            {**EXPORTER, "deployment": "web"},
            "may be the exporter, since the alert also speaks of Deployment web",
        ),
        ("Node", {"exported_namespace": "shop", "instance": "10.0.0.1:8080"}, "'instance' is the exporter's"),
        # an address that is nobody's, or of more than one
        ("Node", {"instance": "10.0.0.2:9100"}, "10.0.0.2 is the address of no node"),
        ("Node", {"instance": "10.0.0.9:9100"}, "10.0.0.9 is the address of several nodes: n2, n3"),
        ("", {"instance": "10.0.0.1:9100"}, "the alert has none of the labels that name a target"),
    ],
)
async def test_what_is_no_target_and_why(kind, labels, reason):
    assert reason in await target_of(TargetSpec(kind), **labels)


@pytest.mark.parametrize(
    ("spec", "labels", "expected"),
    [
        (TargetSpec("Deployment", "app"), {**SHOP, "app": "web", "deployment": "other"}, "Deployment/shop/web"),
        (TargetSpec("Deployment", "deployment"), {**SHOP, "deployment": "web"}, "Deployment/shop/web"),
        (TargetSpec("", "deployment"), {**SHOP, "deployment": "web"}, "Deployment/shop/web"),
        (TargetSpec("Deployment", "pod"), {**SHOP, "pod": "web-5d-x"}, "Deployment/shop/web"),
        (TargetSpec("Deployment", "app", "ns"), {"ns": "shop", "app": "web"}, "Deployment/shop/web"),
        (TargetSpec("Node", "instance"), {"instance": "n1"}, "Node/n1"),
        (TargetSpec("Node", "host"), {"host": "10.0.0.1"}, "Node/n1"),
        (
            TargetSpec("Deployment", "app"),
            {**SHOP, "app": "other", "exported_app": "web", "exported_namespace": "shop"},
            "Deployment/shop/web",
        ),
        (
            TargetSpec("Deployment", "app", "ns"),
            {"ns": "shop", "app": "web", "exported_pod": "x"},
            "Deployment/shop/web",
        ),
        (TargetSpec("Pod", "pod"), {**EXPORTER, "node": "n1"}, "Pod/monitoring/kube-state-metrics-1"),
        (TargetSpec("Deployment", "app"), {**SHOP, "deployment": "web"}, "the alert has no label 'app'"),
        (
            TargetSpec("", "app"),
            {**SHOP, "app": "web"},
            "the label 'app' does not say of which kind 'web' is: set the rule's target.kind",
        ),
    ],
)
async def test_a_rule_may_say_which_labels_to_read(spec, labels, expected):
    assert await target_of(spec, **labels) == expected


@pytest.mark.parametrize("error", [Unavailable("connection refused"), Throttled("later")])
async def test_a_cluster_that_cannot_be_asked_is_no_answer(error):
    with pytest.raises(type(error)):
        await resolve(Shelf(error=error), TargetSpec("Deployment"), {**SHOP, "deployment": "web"})


async def test_what_the_account_may_not_read_is_an_answer_so_that_nobody_else_waits_for_it():
    shelf = Shelf(error=Forbidden("cannot get deployments", status=403))
    found = await resolve(shelf, TargetSpec("Deployment"), {**SHOP, "deployment": "web"})
    assert found == Unresolved("Deployment/shop/web cannot be read: cannot get deployments")


async def test_owners_that_own_each_other_end_the_search():
    first, second = obj("ReplicaSet", "first"), obj("ReplicaSet", "second")
    circle = (obj("ReplicaSet", "first", second), obj("ReplicaSet", "second", first))
    found = await resolve(Shelf(*circle), TargetSpec("Deployment"), {**SHOP, "replicaset": "first"})
    assert found == Unresolved("ReplicaSet/shop/first has more than 5 owners in a row")


async def test_no_more_is_read_than_the_chain():
    shelf = Shelf(*CLUSTER)
    found = await resolve(shelf, TargetSpec("Deployment"), {**SHOP, "pod": "web-5d-x"})
    assert found == Target("Deployment", "shop", "web", "uid-web")
    assert shelf.asked == ["Pod/shop/web-5d-x", "ReplicaSet/shop/web-5d", "Deployment/shop/web"]


ROLLOUT, HPA = "Rollout.v1alpha1.argoproj.io", "horizontalpodautoscaler"
roll = obj("Rollout", "roll")
roll_rs = obj("ReplicaSet", "roll-7f", roll, apiVersion="argoproj.io/v1beta9")
roll_pod = obj("Pod", "roll-7f-x", roll_rs)
scaler = obj("HorizontalPodAutoscaler", "roll") | {
    "spec": {"scaleTargetRef": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "roll"}}
}
alien = obj("Pod", "alien", obj("Rollout", "other"))  # of example.org
zone = {"kind": "Zone", "metadata": {"name": "eu", "uid": "uid-eu"}}


class CustomShelf(Shelf):
    """A cluster with custom resources, which are asked for by their full kind."""

    async def get(self, ref: Ref) -> Json:
        assert ref.resource.plural == "" or "." not in ref.resource.kind
        bare = Resource(ref.resource.api_version, ref.resource.kind.partition(".")[0], ref.resource.plural)
        if bare.kind == "Zone":
            return zone
        return await super().get(Ref(bare, ref.namespace, ref.name))


@pytest.mark.parametrize(
    ("spec", "labels", "expected"),
    [
        (TargetSpec(ROLLOUT, "rollout"), {**SHOP, "rollout": "roll"}, f"{ROLLOUT}/shop/roll"),
        (TargetSpec(ROLLOUT), {**SHOP, "pod": "roll-7f-x"}, f"{ROLLOUT}/shop/roll"),
        (TargetSpec(ROLLOUT), {**SHOP, "replicaset": "roll-7f"}, f"{ROLLOUT}/shop/roll"),
        (TargetSpec(ROLLOUT, HPA), {**SHOP, HPA: "roll"}, f"{ROLLOUT}/shop/roll"),
        (TargetSpec(ROLLOUT), {**SHOP, "pod": "alien"}, f"Pod/shop/alien is not owned by a {ROLLOUT}"),
        (TargetSpec("Zone.v1.example.org", "zone"), {"zone": "eu"}, "Zone.v1.example.org/eu"),
        (TargetSpec("Zone.v1.example.org", "zone"), {**SHOP, "zone": "eu"}, "Zone.v1.example.org/eu"),
        (
            TargetSpec("Zone.v1.example.org", "zone"),
            {**EXPORTER, "exported_pod": "x", "zone": "eu"},
            "the label 'namespace' is the exporter's, since the alert has 'exported_pod' and no 'exported_namespace'",
        ),
        (TargetSpec(ROLLOUT), SHOP, f"the alert has none of the labels that name a {ROLLOUT}: deployment, statefulset"),
    ],
)  # fmt: skip
async def test_custom_resources_are_found_by_a_label_or_as_the_owners_of_what_is_named(spec, labels, expected):
    found = await resolve(CustomShelf(roll, roll_rs, roll_pod, scaler, alien), spec, labels)
    assert (str(found) if isinstance(found, Target) else found.reason).startswith(expected)
