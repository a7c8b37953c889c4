"""The three patch formats, on Deployments that are paused so that no controller writes between two patches."""

from __future__ import annotations

from typing import Any

from remediator.core.model import Json
from remediator.simulation import objects
from tests.fidelity.play import JSON, MERGE, STRATEGIC, Play
from tests.fidelity.sequences.sequence import sequence

POD: Json = {
    "volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
    "tolerations": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}],
    "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["one"]}],
    "imagePullSecrets": [{"name": "first"}],
    "initContainers": [{"name": "prepare", "image": "prepare:1"}],
}


async def still(play: Play, name: str = "web", **metadata: Any) -> Json:
    """A paused Deployment without replicas and with something in every list; as created."""
    web = objects.deployment(name, play.namespace, "app:1", 0, pod=POD, paused=True)
    first = web["spec"]["template"]["spec"]["containers"][0]
    first |= {
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 443}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "args": ["--one", "--two"],
    }
    web["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "side:1"})
    web["metadata"] |= {"annotations": {"a": "1", "b": "2"}} | metadata
    return await play.create(web)


async def patches(play: Play, *bodies: Any, how: Any) -> None:
    """One patch of `web` after the other."""
    for body in bodies:
        await play.patch("Deployment", "web", body, how)


def pod(**fields: Any) -> Json:
    """A patch of the pod's spec."""
    return {"spec": {"template": {"spec": fields}}}


def app(**fields: Any) -> Json:
    """A patch of the first container."""
    return pod(containers=[{"name": "app", **fields}])


@sequence("Deployment")
async def merge_patches(play: Play) -> None:
    await still(play)
    await patches(
        play,
        {"metadata": {"annotations": {"a": None, "c": "3"}}},
        {"metadata": {"annotations": {"not there": None}}},
        {"metadata": {"annotations": None}},
        {"metadata": {"labels": {"tier": "front"}}},
        {"spec": {"replicas": 0, "minReadySeconds": 3}},
        {"spec": {"minReadySeconds": None, "replicas": None}},
        {"spec": {"revisionHistoryLimit": None, "progressDeadlineSeconds": None}},
        {"spec": {"strategy": {"rollingUpdate": {"maxSurge": "50%"}}}},
        {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}},
        {"spec": {"strategy": None}},
        pod(containers=[{"name": "other", "image": "other:2"}]),
        pod(containers=[{"name": "other", "image": "other:2", "env": [{"name": "A", "value": None}]}]),
        pod(volumes=None, tolerations=[], hostAliases=None, nodeSelector={"disk": "fast"}),
        {"metadata": {"finalizers": ["example.com/one", "example.com/two"]}},
        {"metadata": {"finalizers": ["example.com/two"]}},
        {"metadata": {"finalizers": None}},
        {},
        how=MERGE,
    )
    await play.rest("as patched")


@sequence("Deployment")
async def strategic_patches_of_lists(play: Play) -> None:
    await still(play)
    await patches(
        play,
        app(image="app:2", env=[{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]),
        app(env=[{"name": "A", "$patch": "delete"}]),
        app(env=[{"$patch": "replace"}, {"name": "Z", "value": "1"}]),
        app(ports=[{"containerPort": 443, "name": "https"}, {"containerPort": 8080}]),
        app(volumeMounts=[{"mountPath": "/data", "readOnly": True}]),
        app(args=["--three"]),
        pod(containers=[{"name": "new", "image": "new:1"}]),
        pod(containers=[{"name": "side", "$patch": "delete"}]),
        pod(containers=[{"name": "none", "$patch": "delete"}]),
        pod(volumes=[{"name": "more", "emptyDir": {}}, {"name": "tmp", "$patch": "delete"}]),
        pod(tolerations=[{"key": "c", "operator": "Exists"}]),
        pod(hostAliases=[{"ip": "192.0.2.1", "hostnames": ["two"]}]),
        pod(imagePullSecrets=[{"name": "second"}]),
        pod(initContainers=[{"name": "prepare", "image": "prepare:2"}]),
        {"metadata": {"finalizers": ["example.com/one"]}},
        {"metadata": {"finalizers": ["example.com/two", "example.com/one"]}},
        {"metadata": {"finalizers": ["example.com/three"]}},
        how=STRATEGIC,
    )
    await play.rest("as patched")


@sequence("Deployment")
async def strategic_patches_by_directive(play: Play) -> None:
    await still(play, finalizers=["example.com/one", "example.com/two"])
    order = [{"name": "side"}, {"name": "app"}]
    await patches(
        play,
        {"metadata": {"annotations": {"$patch": "replace", "c": "3"}}},
        {"metadata": {"annotations": {"$patch": "delete"}}},
        {"metadata": {"annotations": {"$patch": "merge", "d": "4"}}},
        {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
        {"spec": {"strategy": {"$retainKeys": ["type", "rollingUpdate"], "type": "RollingUpdate"}}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/one"]}},
        pod(**{"$setElementOrder/containers": order, "containers": [{"name": "app", "image": "app:3"}]}),
        pod(**{"$setElementOrder/containers": order}),
        pod(volumes=[{"$patch": "replace"}, {"name": "only", "emptyDir": {}}]),
        app(volumeMounts=[{"$patch": "replace"}]),
        {"spec": {"template": {"$patch": "replace", "metadata": {"labels": {"app": "web"}}}}},
        {"spec": {"template": {"$patch": "replace"} | objects.deployment("web", "")["spec"]["template"]}},
        {"metadata": {"labels": {"$patch": "no such directive"}}},
        {"metadata": {"annotations": {"$patch": "no such directive"}}},
        app(env=[{"name": "A", "$patch": "no such directive"}]),
        how=STRATEGIC,
    )
    await play.rest("as patched")


@sequence("Deployment")
async def strategic_patches_that_are_refused(play: Play) -> None:
    await still(play)
    await patches(
        play,
        pod(containers=[{"image": "nameless:1"}]),
        pod(containers=[{"name": "new"}]),
        pod(containers=["app"]),
        pod(containers=[{"name": "app", "$patch": "delete"}, {"name": "side", "$patch": "delete"}]),
        pod(containers={"name": "app"}),
        {"spec": "everything"},
        how=STRATEGIC,
    )
    await play.rest("unchanged")


@sequence("Deployment")
async def json_patches(play: Play) -> None:
    await still(play)
    containers = "/spec/template/spec/containers"
    operations: list[Any] = [
        [{"op": "add", "path": "/metadata/annotations/c", "value": "3"}],
        [{"op": "replace", "path": "/metadata/annotations/a", "value": "9"}],
        [{"op": "remove", "path": "/metadata/annotations/b"}],
        [{"op": "add", "path": "/metadata/annotations/example.com~1x", "value": "1"}],
        [{"op": "move", "from": "/metadata/annotations/c", "path": "/metadata/annotations/d"}],
        [{"op": "copy", "from": "/metadata/annotations/d", "path": "/metadata/annotations/e"}],
        [{"op": "add", "path": f"{containers}/0/env/0", "value": {"name": "FIRST", "value": "1"}}],
        [{"op": "add", "path": f"{containers}/0/env/-", "value": {"name": "LAST", "value": "1"}}],
        [{"op": "remove", "path": f"{containers}/0/env/1"}],
        [{"op": "replace", "path": f"{containers}/1/image", "value": "side:2"}],
        [
            {"op": "test", "path": f"{containers}/1/image", "value": "side:2"},
            {"op": "remove", "path": f"{containers}/1"},
        ],
        [{"op": "test", "path": "/metadata/annotations/none", "value": None}],
        [{"op": "test", "path": "/spec/paused", "value": True}],
        [{"op": "replace", "path": "/metadata/annotations", "value": {"all": "new"}}],
        [
            {"op": "add", "path": "/spec/replicas", "value": 0},
            {"op": "add", "path": "/spec/minReadySeconds", "value": 2},
        ],
        [],
    ]
    await patches(play, *operations, how=JSON)
    await play.rest("as patched")


@sequence("Deployment")
async def json_patches_that_are_refused(play: Play) -> None:
    await still(play)
    operations: list[Any] = [
        [{"op": "test", "path": "/spec/replicas", "value": 7}],
        [{"op": "test", "path": "/spec/nothing", "value": 7}],
        [{"op": "replace", "path": "/spec/nothing", "value": 7}],
        [{"op": "remove", "path": "/spec/nothing"}],
        [{"op": "add", "path": "/spec/nothing/below", "value": 7}],
        [{"op": "add", "path": "/spec/template/spec/containers/9", "value": {"name": "x", "image": "x"}}],
        [{"op": "remove", "path": "/spec/template/spec/containers/9"}],
        [{"op": "replace", "path": "/metadata/annotations/a", "value": "9"}, {"op": "remove", "path": "/spec/nothing"}],
        [{"op": "jump", "path": "/spec/replicas"}],
        [{"op": "move", "from": "/spec/nothing", "path": "/spec/replicas"}],
        [{"op": "replace", "path": "/spec/replicas"}],
        [{"path": "/spec/replicas", "value": 1}],
    ]
    await patches(play, *operations, how=JSON)
    await play.rest("unchanged")


@sequence("Deployment")
async def patches_of_what_the_server_keeps(play: Play) -> None:
    await still(play)
    await patches(
        play,
        {"status": {"readyReplicas": 99}},
        {"metadata": {"generation": 99}},
        {"metadata": {"creationTimestamp": "2001-01-01T00:00:00Z"}},
        {"metadata": {"deletionTimestamp": "2001-01-01T00:00:00Z"}},
        {"metadata": {"creationTimestamp": None, "uid": None, "resourceVersion": None}},
        {"metadata": {"name": "other"}},
        {"metadata": {"namespace": "other"}},
        {"kind": "StatefulSet"},
        {"apiVersion": "apps/v1beta1"},
        {"kind": None},
        how=MERGE,
    )
    await play.rest("unchanged")


@sequence("Deployment")
async def patches_with_wrong_values(play: Play) -> None:
    await still(play)
    await patches(
        play,
        {"spec": {"replicas": -1}},
        {"spec": {"replicas": "5"}},
        {"spec": {"replicas": 1.5}},
        {"spec": {"paused": "yes"}},
        {"spec": {"noSuchField": 1}},
        {"spec": {"strategy": {"type": "Sometimes"}}},
        {"spec": {"strategy": {"type": "Recreate"}}},
        {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}}},
        {"spec": {"strategy": {"rollingUpdate": {"maxSurge": "many"}}}},
        {"spec": {"progressDeadlineSeconds": 5, "minReadySeconds": 9}},
        {"spec": {"template": {"metadata": {"labels": {"app": "other"}}}}},
        {"spec": {"template": {"spec": {"restartPolicy": "Never"}}}},
        {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": -1}}}},
        {"spec": {"template": {"spec": {"containers": []}}}},
        {"spec": {"template": {"spec": {"containers": [{"name": "app"}]}}}},
        {"spec": {"template": {"spec": {"containers": [{"name": "A b", "image": "x"}]}}}},
        {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "x"}] * 2}}}},
        {"spec": None},
        {"metadata": {"labels": {"a": "not a label"}}},
        {"metadata": {"labels": {"a": 1}}},
        {"metadata": {"annotations": {"a~b/c": "1"}}},
        {"metadata": {"annotations": {"a": True}}},
        {"metadata": {"finalizers": ["unqualified"]}},
        how=MERGE,
    )
    await play.rest("unchanged")


@sequence("Deployment")
async def unknown_fields(play: Play) -> None:
    await still(play)
    await patches(
        play,
        {"noSuchField": 1},
        {"metadata": {"noSuchField": 1}},
        {"spec": {"strategy": {"noSuchField": 1}}},
        pod(noSuchField=1),
        app(noSuchField=1, env=[{"name": "A", "value": "9", "noSuchField": 1}]),
        pod(affinity={"noSuchField": 1}),
        how=STRATEGIC,
    )
    await play.rest("as patched")


@sequence("StatefulSet", "DaemonSet", "PodDisruptionBudget", "ResourceQuota", "HorizontalPodAutoscaler")
async def patches_of_other_kinds(play: Play) -> None:
    await play.create(objects.stateful_set("db", play.namespace, replicas=0))
    await play.create(objects.daemon_set("agent", play.namespace, pod={"nodeSelector": {"no": "where"}}))
    await play.create(objects.disruption_budget("budget", play.namespace, "db", min_available=1))
    await play.create(objects.resource_quota("quota", play.namespace, pods=5))
    await play.create(objects.autoscaler("scaler", play.namespace, "web", 1, 5))
    await play.rest("there")
    note = {"metadata": {"annotations": {"note": "1"}}}
    for kind, name in (("StatefulSet", "db"), ("DaemonSet", "agent"), ("PodDisruptionBudget", "budget")):
        await play.patch(kind, name, note, MERGE)
        await play.patch(kind, name, note, STRATEGIC)
    await play.patch("PodDisruptionBudget", "budget", {"spec": {"minAvailable": None, "maxUnavailable": 1}})
    await play.patch("PodDisruptionBudget", "budget", {"spec": {"minAvailable": 1}})
    await play.patch("PodDisruptionBudget", "budget", {"spec": {"selector": {"matchLabels": {"app": "x"}}}}, STRATEGIC)
    await play.patch("ResourceQuota", "quota", {"spec": {"hard": {"pods": "7"}}})
    await play.patch("HorizontalPodAutoscaler", "scaler", {"spec": {"minReplicas": 2}})
    await play.patch("HorizontalPodAutoscaler", "scaler", {"spec": {"minReplicas": 9}})
    await play.patch("HorizontalPodAutoscaler", "scaler", {"spec": {"maxReplicas": 0}})
    await play.patch("StatefulSet", "db", {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}})
    await play.patch("DaemonSet", "agent", {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "50%"}}}})
    await play.rest("as patched")
