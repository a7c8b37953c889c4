"""Creation: every kind that the builders make, as the server completes it and controllers fill it in."""

from __future__ import annotations

from remediator.core.model import Change, Verb
from remediator.simulation import objects
from tests.fidelity.play import ANY, Play
from tests.fidelity.sequences.sequence import sequence


@sequence("Deployment", "ReplicaSet", "Pod")
async def create_a_deployment(play: Play) -> None:
    annotations = {"kubernetes.io/change-cause": "first"}
    await play.create(objects.deployment("web", play.namespace, annotations=annotations, labels={"team": "shop"}))
    await play.rest("available")


@sequence("StatefulSet", "ControllerRevision", "Pod")
async def create_a_stateful_set(play: Play) -> None:
    await play.create(objects.stateful_set("db", play.namespace))
    await play.rest("available")


@sequence("DaemonSet", "ControllerRevision", "Pod")
async def create_a_daemon_set(play: Play) -> None:
    await play.create(objects.daemon_set("agent", play.namespace))
    await play.rest("available")


@sequence("Job", "Pod")
async def create_jobs(play: Play) -> None:
    await play.create(objects.job("done", play.namespace))
    await play.create(objects.job("failed", play.namespace, "registry.example/fail:1", backoffLimit=0))
    await play.create(objects.job("hanging", play.namespace, "registry.example/hang:1", parallelism=2, completions=2))
    await play.rest("ended as their images say")


@sequence("Pod", "PodDisruptionBudget", "ResourceQuota", "HorizontalPodAutoscaler")
async def create_what_stands_beside_workloads(play: Play) -> None:
    await play.create(objects.pod("single", play.namespace))
    await play.create(objects.disruption_budget("budget", play.namespace, "single", min_available=1))
    await play.create(objects.disruption_budget("share", play.namespace, "nobody", max_unavailable="30%"))
    await play.create(objects.resource_quota("quota", play.namespace, pods=5))
    await play.create(objects.autoscaler("scaler", play.namespace, "web", 1, 5))
    await play.rest("counted")


@sequence("Deployment", "ReplicaSet", "Pod")
async def create_with_what_defaults_leave_alone(play: Play) -> None:
    pod = {
        "terminationGracePeriodSeconds": 5,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "special", "operator": "Exists", "effect": "NoSchedule"}],
    }
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    web = objects.deployment("web", play.namespace, "app", 1, pod=pod, strategy=rolling, minReadySeconds=1)
    container = web["spec"]["template"]["spec"]["containers"][0]
    container |= {"env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 80}]}
    await play.create(web)
    await play.create(objects.deployment("job", play.namespace, "app@sha256:0", 0, strategy={"type": "Recreate"}))
    await play.rest("available")


@sequence("Deployment", "Pod")
async def refused_creations(play: Play) -> None:
    taken = objects.deployment("web", play.namespace, replicas=0)
    await play.create(taken)
    await play.create(taken)
    await play.create(objects.deployment("Web", play.namespace))
    await play.create(objects.deployment("web-2", play.namespace, replicas=-1))
    await play.create(objects.deployment("web-2", play.namespace, pod={"containers": []}))
    await play.create(objects.deployment("web-2", play.namespace, selector={"matchLabels": {"app": "other"}}))
    await play.create(objects.deployment("web-2", play.namespace, labels={"a": "not a label"}))
    await play.create(objects.deployment("web-2", play.namespace, annotations={"not~a name": "1"}))
    elsewhere = objects.pod("pod", "nowhere-at-all")
    await play.write(Change(Verb.CREATE, play.ref("Pod", "pod"), elsewhere, ANY))
    await play.create(objects.pod("pod", play.namespace, ""))
