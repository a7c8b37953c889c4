"""Undo and restart: as `remediator.actions` plans them on both clusters, and as kubectl does them on the lab."""

from __future__ import annotations

from remediator.simulation import objects
from tests.fidelity.play import STRATEGIC, Play
from tests.fidelity.sequences.rolling_out import BETTER, BROKEN, CRASHING, GOOD, image, roll, running
from tests.fidelity.sequences.sequence import sequence


@sequence(by_kubectl=True)
async def undo_a_broken_roll_out(play: Play) -> None:
    await play.create(
        objects.deployment("web", play.namespace, GOOD, annotations={"kubernetes.io/change-cause": "first"})
    )
    await play.rest("available")
    await roll(play, BROKEN, "stuck", cause="second, broken")
    await play.undo("Deployment", "web")
    await play.rest("back")
    await play.undo("Deployment", "web", 2)
    await play.rest("broken once more")


@sequence(by_kubectl=True)
async def undo_to_a_revision(play: Play) -> None:
    await running(play, replicas=2)
    await roll(play, BETTER, "revision 2", cause="second")
    await roll(play, CRASHING, "revision 3, crashing", cause="third")
    await play.undo("Deployment", "web", 1)
    await play.rest("the first template as revision 4")
    await play.undo("Deployment", "web", 1)
    await play.undo("Deployment", "web", 4)
    await play.undo("Deployment", "web", 9)
    await play.undo("Deployment", "web", 2)
    await play.rest("the second template as revision 5")


@sequence(by_kubectl=True)
async def undo_what_was_changed_beside_the_image(play: Play) -> None:
    web = objects.deployment("web", play.namespace, GOOD, 1, annotations={"team": "shop", "old": "1"})
    web["spec"]["template"]["metadata"]["annotations"] = {"checked": "yes"}
    web["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "1"}]
    await play.create(web)
    await play.rest("available")
    spec = {
        "containers": [{"name": "app", "env": None}, {"name": "side", "image": GOOD}],
        "nodeSelector": {"no": "where"},
    }
    template = {"metadata": {"annotations": {"checked": None, "more": "1"}}, "spec": spec}
    body = {
        "metadata": {"annotations": {"old": None, "new": "1"}},
        "spec": {"template": template, "minReadySeconds": 1},
    }
    await play.patch("Deployment", "web", body, STRATEGIC)
    await play.rest("nowhere to run")
    await play.undo("Deployment", "web")
    await play.rest("back")


@sequence(by_kubectl=True)
async def undo_where_it_is_refused(play: Play) -> None:
    await running(play, replicas=1)
    await play.undo("Deployment", "web")
    await roll(play, BETTER, "rolled out")
    await play.patch("Deployment", "web", {"spec": {"paused": True}})
    await play.rest("paused")
    await play.undo("Deployment", "web")
    await play.restart("Deployment", "web")
    await play.rest("unchanged")


@sequence(by_kubectl=True)
async def undo_past_the_deadline(play: Play) -> None:
    await running(play, replicas=3, progressDeadlineSeconds=1)
    await roll(play, BROKEN, "given up")
    await play.undo("Deployment", "web")
    await play.rest("back")


@sequence("Deployment", "ReplicaSet", "Pod", by_kubectl=True)
async def restart_a_deployment(play: Play) -> None:
    await running(play, replicas=2)
    await play.restart("Deployment", "web")
    await play.rest("restarted")
    await play.undo("Deployment", "web")
    await play.rest("the template without the restart")


@sequence("StatefulSet", "DaemonSet", "ControllerRevision", "Pod", by_kubectl=True)
async def restart_other_workloads(play: Play) -> None:
    await play.create(objects.stateful_set("db", play.namespace, replicas=2, annotations={"team": "shop"}))
    await play.create(objects.daemon_set("agent", play.namespace))
    await play.rest("available")
    await play.restart("StatefulSet", "db")
    await play.restart("DaemonSet", "agent")
    await play.rest("restarted")


@sequence("StatefulSet", "ControllerRevision", "Pod", by_kubectl=True)
async def undo_of_a_stateful_set(play: Play) -> None:
    await play.create(objects.stateful_set("db", play.namespace, GOOD, replicas=2, podManagementPolicy="Parallel"))
    await play.rest("available")
    await play.patch("StatefulSet", "db", image(BETTER), STRATEGIC)
    await play.rest("revision 2")
    await play.undo("StatefulSet", "db")
    await play.rest("the first template as revision 3")
    await play.undo("StatefulSet", "db", 2)
    await play.rest("the second template as revision 4")


@sequence("DaemonSet", "ControllerRevision", "Pod", by_kubectl=True)
async def undo_of_a_daemon_set(play: Play) -> None:
    await play.create(objects.daemon_set("agent", play.namespace, GOOD))
    await play.rest("available")
    await play.patch("DaemonSet", "agent", image(CRASHING), STRATEGIC)
    await play.rest("revision 2, crashing")
    await play.undo("DaemonSet", "agent")
    await play.rest("the first template as revision 3")
