"""Server-side dry runs: the answer of the write, and nothing changed. Every other sequence rehearses its writes too."""

from __future__ import annotations

from remediator.core.model import Change, Json, Precondition, Verb
from remediator.simulation import objects
from tests.fidelity.play import ANY, JSON, MERGE, STRATEGIC, Play
from tests.fidelity.sequences.sequence import sequence


@sequence("Deployment", "ReplicaSet", "Pod")
async def dry_run_of_every_write(play: Play) -> None:
    await play.create(objects.deployment("web", play.namespace, replicas=2))
    await play.create(objects.disruption_budget("budget", play.namespace, "web", min_available=1))
    await play.rest("available")
    pod, web = (await play.pods("web"))[0], play.ref("Deployment", "web")
    bodies: list[tuple[Json | list[Json], object]] = [
        ({"spec": {"replicas": 5}}, MERGE),
        ({"spec": {"template": {"metadata": {"annotations": {"a": "1"}}}}}, STRATEGIC),
        ([{"op": "replace", "path": "/spec/replicas", "value": 5}], JSON),
        ({"spec": {"replicas": -5}}, MERGE),
        ({"metadata": {"finalizers": ["example.com/one"]}}, MERGE),
    ]
    for body, how in bodies:
        await play.rehearse(Change(Verb.PATCH, web, body, ANY, how))  # type: ignore[arg-type]
        await play.rehearse(Change(Verb.PATCH, web, body, Precondition("", "1"), how))  # type: ignore[arg-type]
    at = play.ref("Pod", pod["metadata"]["name"])
    uid = pod["metadata"]["uid"]
    for given in (ANY, Precondition(uid, ""), Precondition("", "1")):
        await play.rehearse(Change(Verb.DELETE, at, {}, given))
        await play.rehearse(Change(Verb.DELETE, at, {"gracePeriodSeconds": 0}, given))
        await play.rehearse(Change(Verb.EVICT, at, {}, given))
        await play.rehearse(Change(Verb.DELETE, web, {"propagationPolicy": "Background"}, given))
    new = objects.deployment("new", play.namespace)
    await play.rehearse(Change(Verb.CREATE, play.ref("Deployment", "new"), new, ANY))
    await play.rehearse(Change(Verb.CREATE, web, objects.deployment("web", play.namespace), ANY))
    await play.rest("unchanged")
