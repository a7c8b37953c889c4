"""Deletion: graceful, with preconditions, held by finalizers, with what is owned."""

from __future__ import annotations

from remediator.core.model import Precondition
from remediator.simulation import objects
from tests.fidelity.play import Play
from tests.fidelity.sequences.sequence import sequence

OTHER_UID = "00000000-0000-4000-8000-000000000000"
ONE = {"metadata": {"finalizers": ["example.com/one"]}}


@sequence("Pod", "PodDisruptionBudget", "Deployment", "ReplicaSet")
async def delete_with_preconditions(play: Play) -> None:
    await play.create(objects.deployment("web", play.namespace, replicas=1))
    await play.create(objects.disruption_budget("budget", play.namespace, "other", min_available=1))
    await play.rest("available")
    pod = (await play.pods("web"))[0]["metadata"]
    for given in (
        Precondition(OTHER_UID, ""),
        Precondition(pod["uid"], "1"),
        Precondition(pod["uid"], pod["resourceVersion"]),
    ):
        await play.delete("Pod", pod["name"], given=given)
    for name in ("PodDisruptionBudget", "budget"), ("Deployment", "web"):
        await play.delete(*name, given=Precondition(OTHER_UID, ""))
        await play.delete(*name, given=Precondition("", "1"))
    await play.rest("another pod")


@sequence("Pod")
async def delete_pods(play: Play) -> None:
    for name in ("usual", "short", "now", "twice"):
        await play.create(objects.pod(name, play.namespace))
    await play.create(objects.pod("pending", play.namespace, nodeSelector={"no": "where"}))
    await play.create(objects.job("done", play.namespace))
    await play.rest("running, but for one that is done and one that waits")
    await play.delete("Pod", "usual")
    await play.delete("Pod", "short", {"gracePeriodSeconds": 1})
    await play.delete("Pod", "now", {"gracePeriodSeconds": 0})
    await play.delete("Pod", "pending")
    await play.delete("Pod", await play.name_of("Pod", "job=done"))
    await play.rest("gone")


@sequence("Deployment", "PodDisruptionBudget", "StatefulSet")
async def delete_what_a_finalizer_holds(play: Play) -> None:
    await play.create(objects.deployment("web", play.namespace, replicas=0))
    await play.create(objects.disruption_budget("budget", play.namespace, "web", min_available=1))
    await play.create(objects.stateful_set("db", play.namespace, replicas=0))
    await play.rest("there")
    held = (("Deployment", "web"), ("PodDisruptionBudget", "budget"), ("StatefulSet", "db"))
    for kind, name in held:
        await play.patch(kind, name, ONE)
        await play.rest(f"{kind} held")
        await play.delete(kind, name)
        await play.rest(f"{kind} dying")
        await play.delete(kind, name)
    await play.patch("Deployment", "web", {"spec": {"replicas": 3}})
    await play.patch("Deployment", "web", {"metadata": {"labels": {"still": "there"}}})
    await play.patch("Deployment", "web", {"metadata": {"finalizers": ["example.com/one", "example.com/two"]}})
    await play.create(objects.disruption_budget("budget", play.namespace, "web", min_available=1))
    await play.rest("dying")
    for kind, name in held:
        await play.patch(kind, name, {"metadata": {"finalizers": None}})
    await play.rest("gone")


@sequence("Deployment", "ReplicaSet", "Pod")
async def delete_in_the_background(play: Play) -> None:
    await play.create(objects.deployment("web", play.namespace, replicas=2))
    await play.create(objects.deployment("api", play.namespace, replicas=1))
    await play.rest("available")
    await play.delete("Deployment", "web", {"propagationPolicy": "Background"})
    await play.delete("Deployment", "api")
    await play.rest("all gone")


@sequence("Deployment", "ReplicaSet", "Pod")
async def delete_in_the_foreground(play: Play) -> None:
    await play.create(objects.deployment("web", play.namespace, replicas=2))
    await play.rest("available")
    await play.delete("Deployment", "web", {"propagationPolicy": "Foreground"})
    await play.rest("all gone")


@sequence("Deployment", "ReplicaSet", "Pod")
async def delete_and_orphan(play: Play) -> None:
    await play.create(objects.deployment("web", play.namespace, replicas=2))
    await play.rest("available")
    await play.delete("Deployment", "web", {"propagationPolicy": "Orphan"})
    await play.rest("its replica set and pods stay")
    await play.create(objects.deployment("web", play.namespace, replicas=2))
    await play.rest("adopted")


@sequence("Deployment", "ReplicaSet", "Pod")
async def delete_the_replica_set_of_a_deployment(play: Play) -> None:
    await play.create(objects.deployment("web", play.namespace, replicas=2))
    await play.rest("available")
    name = (await play.list("ReplicaSet"))[0]["metadata"]["name"]
    await play.delete("ReplicaSet", name)
    await play.rest("made anew")


@sequence("StatefulSet", "ControllerRevision", "DaemonSet", "Job", "Pod")
async def delete_other_workloads(play: Play) -> None:
    await play.create(objects.stateful_set("db", play.namespace, replicas=2))
    await play.create(objects.daemon_set("agent", play.namespace))
    await play.create(objects.job("task", play.namespace, "registry.example/hang:1"))
    await play.rest("running")
    await play.delete("StatefulSet", "db", {"propagationPolicy": "Background"})
    await play.delete("DaemonSet", "agent", {"propagationPolicy": "Background"})
    await play.delete("Job", "task", {"propagationPolicy": "Background"})
    await play.rest("gone")
