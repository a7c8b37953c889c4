"""What happens to workloads from outside: quotas, cordons, nodes that are not ready."""

from __future__ import annotations

from remediator.core.model import Json
from remediator.simulation import objects
from tests.fidelity.play import Play
from tests.fidelity.sequences.sequence import sequence
from tests.lab.nodes import node_manifest

HERE = {"fidelity": "here"}
NODE = "node-of-its-own"


@sequence("Deployment", "ReplicaSet", "Pod", "ResourceQuota")
async def a_quota_refuses_pods(play: Play) -> None:
    await play.create(objects.resource_quota("small", play.namespace, pods=2))
    await play.rest("counted")
    await play.create(objects.deployment("web", play.namespace, replicas=3))
    await play.rest("two of three")
    await play.create(objects.pod("single", play.namespace))
    await play.patch("Deployment", "web", {"spec": {"replicas": 1}})
    await play.rest("one, and no failure any more")


@sequence("Deployment", "ResourceQuota")
async def a_quota_counts_objects(play: Play) -> None:
    counts = {"count/deployments.apps": 1, "count/pods": 9}
    await play.create(objects.resource_quota("counts", play.namespace, **counts))
    await play.rest("counted")
    await play.create(objects.deployment("web", play.namespace, replicas=0))
    await play.create(objects.deployment("more", play.namespace, replicas=0))
    await play.rest("one is there")


def at_home(name: str, namespace: str, replicas: int, seconds: int | None) -> Json:
    """A Deployment that runs on the sequence's own node alone, and tolerates its not being ready so long."""
    toleration: Json = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
    more = {} if seconds is None else {"tolerationSeconds": seconds}
    pod = {"nodeSelector": HERE, "tolerations": [toleration | more]}
    return objects.deployment(name, namespace, replicas=replicas, pod=pod)


@sequence("Node", "Deployment", "Pod", alone=True)
async def a_node_is_cordoned(play: Play) -> None:
    async with play.own_node(node_manifest(NODE, "zone-a", HERE)):
        await play.create(at_home("web", play.namespace, 1, None))
        await play.rest("available")
        await play.patch("Node", NODE, {"spec": {"unschedulable": True}})
        await play.rest("tainted, and what runs stays")
        await play.patch("Deployment", "web", {"spec": {"replicas": 2}})
        await play.rest("a pod waits")
        await play.patch("Node", NODE, {"spec": {"unschedulable": None}})
        await play.rest("the pod runs")


@sequence("Node", "Deployment", "DaemonSet", "Pod", alone=True)
async def a_node_is_not_ready(play: Play) -> None:
    async with play.own_node(node_manifest(NODE, "zone-a", HERE)):
        await play.create(at_home("leaves", play.namespace, 1, 1))
        await play.create(at_home("stays", play.namespace, 1, None))
        await play.create(objects.daemon_set("agent", play.namespace, pod={"nodeSelector": HERE}))
        await play.rest("available")
        await play.yard.node_says(NODE, ready=False)
        await play.rest("tainted; one pod has left and its successor waits")
        await play.yard.node_says(NODE, ready=True)
        await play.rest("as before")


@sequence("HorizontalPodAutoscaler", "Deployment")
async def an_autoscaler_without_metrics(play: Play) -> None:
    await play.create(objects.deployment("web", play.namespace, replicas=2))
    await play.rest("available")
    await play.create(objects.autoscaler("scaler", play.namespace, "web", 1, 5))
    await play.rest("as it was: nothing is measured")
    await play.patch("HorizontalPodAutoscaler", "scaler", {"spec": {"minReplicas": 3}})
    await play.rest("as many as it must have")
    await play.patch("HorizontalPodAutoscaler", "scaler", {"spec": {"minReplicas": 1, "maxReplicas": 2}})
    await play.rest("no more than it may have")
    await play.patch("Deployment", "web", {"spec": {"replicas": 0}})
    await play.rest("switched off")
