"""Reading, and being refused: label selectors, watches, conflicts, what may not change, who may not write."""

from __future__ import annotations

from typing import Any

from remediator.core.model import Change, Json, Precondition, Verb
from remediator.simulation import objects
from tests.fidelity.play import ANY, JSON, MERGE, STRATEGIC, Play
from tests.fidelity.sequences.sequence import sequence

OTHER_UID = "00000000-0000-4000-8000-000000000000"
NOTE: list[tuple[Any, Json | list[Json]]] = [
    (MERGE, {"metadata": {"annotations": {"note": "1"}}}),
    (STRATEGIC, {"metadata": {"annotations": {"note": "1"}}}),
    (JSON, [{"op": "add", "path": "/metadata/labels/note", "value": "1"}]),
]


@sequence("Deployment")
async def list_by_label_selector(play: Play) -> None:
    for name, labels in {"blue": {"colour": "blue"}, "green": {"colour": "green", "size": ""}, "plain": {}}.items():
        await play.create(objects.deployment(name, play.namespace, replicas=0, labels=labels))
    for selector in (
        "",
        "colour=blue",
        "colour==blue",
        "colour!=blue",
        "colour",
        "!colour",
        "! colour",
        "colour in (blue, green)",
        "colour in (blue,red)",
        "colour notin (blue)",
        "colour,colour!=green",
        "colour=",
        "size=",
        "size in ()",
        "colour=red",
        "app=plain, !colour",
        "colour>1",
    ):
        await play.list("Deployment", selector)


@sequence("Deployment")
async def selectors_that_cannot_be_read(play: Play) -> None:
    for selector in (
        "colour in blue",
        "colour=a b",
        "colour in (a",
        "=blue",
        "a==b==c",
        "colour notin",
        ",",
        "not/a/key",
    ):
        await play.list("Deployment", selector)


@sequence("Deployment", "Pod")
async def what_is_not_there(play: Play) -> None:
    for kind in ("Deployment", "Pod", "PodDisruptionBudget"):
        await play.patch(kind, "none", {"metadata": {"labels": {"a": "1"}}})
        await play.delete(kind, "none")
        await play.read(kind, "none")
    await play.evict("none")
    await play.list("Pod")


@sequence("Deployment")
async def conflict_by_version_and_by_uid(play: Play) -> None:
    made = await play.create(objects.deployment("web", play.namespace, replicas=0, paused=True))
    await play.rest("there")
    stale = Precondition(made["metadata"]["uid"], made["metadata"]["resourceVersion"])
    for how, body in NOTE:
        await play.patch("Deployment", "web", body, how, given=stale)
        await play.patch("Deployment", "web", body, how, given=Precondition(OTHER_UID, ""))
        await play.patch("Deployment", "web", body, how, given=Precondition("", "1"))
        await play.patch("Deployment", "web", body, how, given=Precondition("", "0"))
        await play.patch("Deployment", "web", body, how, given=Precondition("", "newest"))
    live = await play.get("Deployment", "web")
    now = Precondition(live["metadata"]["uid"], live["metadata"]["resourceVersion"])
    await play.patch("Deployment", "web", {"spec": {"minReadySeconds": 1}}, given=now)
    await play.patch("Deployment", "web", {"spec": {"minReadySeconds": 2}}, given=now)
    await play.rest("changed once")


@sequence("Deployment")
async def a_replaced_object_is_another_one(play: Play) -> None:
    made = await play.create(objects.deployment("web", play.namespace, replicas=0))
    await play.delete("Deployment", "web")
    await play.rest("gone")
    await play.create(objects.deployment("web", play.namespace, replicas=0))
    first = Precondition(made["metadata"]["uid"], "")
    for how, body in NOTE:
        await play.patch("Deployment", "web", body, how, given=first)
    await play.delete("Deployment", "web", given=first)
    await play.rest("the second one stays")


@sequence("Deployment", "StatefulSet", "DaemonSet", "Job", "ControllerRevision")
async def fields_that_may_not_change(play: Play) -> None:
    await play.create(objects.deployment("web", play.namespace, replicas=0))
    await play.create(objects.stateful_set("db", play.namespace, replicas=0))
    await play.create(objects.daemon_set("agent", play.namespace, pod={"nodeSelector": {"no": "where"}}))
    await play.create(objects.job("task", play.namespace, suspend=True))
    await play.rest("there")
    other = {"spec": {"selector": {"matchLabels": {"app": "other"}}}}
    for kind, name in (("Deployment", "web"), ("StatefulSet", "db"), ("DaemonSet", "agent")):
        await play.patch(kind, name, other)
    for field, value in {
        "serviceName": "other",
        "podManagementPolicy": "Parallel",
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}],
        "minReadySeconds": 3,
        "revisionHistoryLimit": 3,
    }.items():
        await play.patch("StatefulSet", "db", {"spec": {field: value}})
    for field, value in {"completions": 2, "parallelism": 2, "backoffLimit": 1, "completionMode": "Indexed"}.items():
        await play.patch("Job", "task", {"spec": {field: value}})
    revision = await play.name_of("ControllerRevision", "app=db")
    await play.patch("ControllerRevision", revision, {"data": {"spec": None}})
    await play.patch("ControllerRevision", revision, {"revision": 7})


@sequence("Pod")
async def fields_of_a_pod_that_may_change(play: Play) -> None:
    await play.create(objects.pod("single", play.namespace))
    await play.rest("running")
    container = {"name": "app", "image": "registry.example/app:2"}
    for body in (
        {"spec": {"containers": [container]}},
        {"spec": {"activeDeadlineSeconds": 1000}},
        {"spec": {"terminationGracePeriodSeconds": 5}},
        {"spec": {"nodeName": "elsewhere"}},
        {"spec": {"priority": 7}},
        {"spec": {"containers": [{**container, "env": [{"name": "A", "value": "1"}]}]}},
        {"spec": {"restartPolicy": "Never"}},
        {"metadata": {"labels": {"new": "1"}, "annotations": {"new": "1"}}},
        {"metadata": {"labels": {"new": None}}},
    ):
        await play.patch("Pod", "single", body, STRATEGIC)
    await play.rest("as patched")


@sequence("Deployment")
async def what_an_account_may_not(play: Play) -> None:
    await play.create(objects.deployment("web", play.namespace, replicas=0))
    ref = play.ref("Deployment", "web")
    stranger = await play.as_stranger()
    await stranger.write(Change(Verb.PATCH, ref, {"spec": {"replicas": 1}}, ANY))
    await stranger.write(Change(Verb.DELETE, ref, {}, ANY))
    await stranger.write(Change(Verb.EVICT, play.ref("Pod", "any"), {}, ANY))
    await stranger.create(objects.pod("any", play.namespace))
    await stranger.read("Deployment", "web")
    await stranger.read("Node", "node-a")
    await stranger.list("Pod")
    await play.rest("unchanged")


@sequence("Deployment", "ReplicaSet", "Pod")
async def events_of_a_deployment(play: Play) -> None:
    start = await play.create(objects.resource_quota("start", play.namespace, pods=50))
    since = start["metadata"]["resourceVersion"]
    await play.create(objects.deployment("web", play.namespace, replicas=1))
    await play.rest("available")
    await play.patch("Deployment", "web", {"spec": {"replicas": 0}})
    await play.rest("empty")
    await play.delete("Deployment", "web")
    await play.rest("gone")
    await play.events("Deployment", since, ("DELETED", "web"))
    await play.events("ReplicaSet", since, ("DELETED", "web-#1"))
    await play.events("Pod", since, ("DELETED", "web-#1-*"))


@sequence("StatefulSet", "Pod")
async def events_of_a_stateful_set(play: Play) -> None:
    start = await play.create(objects.resource_quota("start", play.namespace, pods=50))
    since = start["metadata"]["resourceVersion"]
    await play.create(objects.stateful_set("db", play.namespace, replicas=3))
    await play.rest("available")
    await play.patch("StatefulSet", "db", {"spec": {"template": {"metadata": {"annotations": {"a": "1"}}}}})
    await play.rest("updated")
    await play.patch("StatefulSet", "db", {"spec": {"replicas": 0}})
    await play.rest("empty")
    await play.events("Pod", since, ("DELETED", "db-0"))
