"""StatefulSets and DaemonSets as they roll out, fail and go back, with their ControllerRevisions."""

from __future__ import annotations

from remediator.simulation import objects
from tests.fidelity.play import STRATEGIC, Play
from tests.fidelity.sequences.rolling_out import BETTER, BROKEN, CRASHING, GOOD, image
from tests.fidelity.sequences.sequence import sequence

STATEFUL = ("StatefulSet", "ControllerRevision", "Pod")
DAEMON = ("DaemonSet", "ControllerRevision", "Pod")


async def roll(play: Play, kind: str, to: str, what: str) -> None:
    """Give a workload another image and let its roll-out come as far as it gets."""
    await play.patch(kind, "db" if kind == "StatefulSet" else "agent", image(to), STRATEGIC)
    await play.rest(what)


@sequence(*STATEFUL)
async def a_stateful_set_rolls_out(play: Play) -> None:
    await play.create(objects.stateful_set("db", play.namespace, GOOD, 3))
    await play.rest("available")
    await roll(play, "StatefulSet", BETTER, "rolled out")
    await roll(play, "StatefulSet", GOOD, "back: the first revision renumbered")


@sequence(*STATEFUL)
async def a_stateful_set_is_stuck_and_stays_so(play: Play) -> None:
    await play.create(objects.stateful_set("db", play.namespace, GOOD, 3))
    await play.rest("available")
    await roll(play, "StatefulSet", BROKEN, "stuck at its last pod")
    await roll(play, "StatefulSet", GOOD, "still stuck: nobody deletes the broken pod")
    await play.delete("Pod", "db-2")
    await play.rest("mended")


@sequence(*STATEFUL)
async def a_parallel_stateful_set_crashes(play: Play) -> None:
    await play.create(objects.stateful_set("db", play.namespace, GOOD, 3, podManagementPolicy="Parallel"))
    await play.rest("available")
    await roll(play, "StatefulSet", CRASHING, "stuck at its last pod")
    await roll(play, "StatefulSet", BETTER, "replaced")


@sequence(*STATEFUL)
async def a_partition_holds_pods_back(play: Play) -> None:
    partition = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    await play.create(objects.stateful_set("db", play.namespace, GOOD, 3, updateStrategy=partition))
    await play.rest("available")
    await roll(play, "StatefulSet", BETTER, "the last pod alone")
    await play.delete("Pod", "db-0")
    await play.rest("the first pod as it was")
    await play.patch("StatefulSet", "db", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}})
    await play.rest("rolled out")


@sequence(*STATEFUL)
async def a_stateful_set_on_delete(play: Play) -> None:
    await play.create(objects.stateful_set("db", play.namespace, GOOD, 2, updateStrategy={"type": "OnDelete"}))
    await play.rest("available")
    await roll(play, "StatefulSet", BETTER, "as it was")
    await play.delete("Pod", "db-1")
    await play.rest("one is new")


@sequence(*STATEFUL)
async def a_stateful_set_is_scaled(play: Play) -> None:
    await play.create(objects.stateful_set("db", play.namespace, GOOD, 1))
    await play.rest("available")
    for replicas in (3, 1, 0, 2):
        await play.patch("StatefulSet", "db", {"spec": {"replicas": replicas}})
        await play.rest(f"{replicas} replicas")


@sequence(*STATEFUL)
async def a_stateful_set_that_never_starts(play: Play) -> None:
    await play.create(objects.stateful_set("db", play.namespace, CRASHING, 3))
    await play.rest("waits for its first pod")
    await play.patch("StatefulSet", "db", {"spec": {"replicas": 0}})
    await play.rest("empty")


@sequence(*STATEFUL)
async def several_of_a_stateful_set_at_once(play: Play) -> None:
    two = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}
    await play.create(objects.stateful_set("db", play.namespace, GOOD, 4, updateStrategy=two))
    await play.rest("available")
    await roll(play, "StatefulSet", BROKEN, "stuck with two missing")


@sequence(*DAEMON)
async def a_daemon_set_rolls_out(play: Play) -> None:
    await play.create(objects.daemon_set("agent", play.namespace, GOOD))
    await play.rest("available")
    await roll(play, "DaemonSet", BETTER, "rolled out")
    await roll(play, "DaemonSet", GOOD, "back: the first revision renumbered")


@sequence(*DAEMON)
async def a_daemon_set_is_stuck(play: Play) -> None:
    await play.create(objects.daemon_set("agent", play.namespace, GOOD))
    await play.rest("available")
    await roll(play, "DaemonSet", BROKEN, "stuck with one missing")
    await roll(play, "DaemonSet", BETTER, "replaced")


@sequence(*DAEMON)
async def a_daemon_set_with_room_to_fail(play: Play) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}}
    await play.create(objects.daemon_set("agent", play.namespace, GOOD, updateStrategy=rolling))
    await play.rest("available")
    await roll(play, "DaemonSet", CRASHING, "stuck with two missing")


@sequence(*DAEMON)
async def a_daemon_set_with_surge(play: Play) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    await play.create(objects.daemon_set("agent", play.namespace, GOOD, updateStrategy=rolling))
    await play.rest("available")
    await roll(play, "DaemonSet", BROKEN, "stuck with one more")
    await roll(play, "DaemonSet", BETTER, "replaced")


@sequence(*DAEMON)
async def a_daemon_set_on_delete(play: Play) -> None:
    await play.create(objects.daemon_set("agent", play.namespace, GOOD, updateStrategy={"type": "OnDelete"}))
    await play.rest("available")
    await roll(play, "DaemonSet", BETTER, "as it was")
    await play.delete("Pod", (await play.pods("agent"))[0]["metadata"]["name"])
    await play.rest("one is new")


@sequence(*DAEMON)
async def a_daemon_set_follows_its_node_selector(play: Play) -> None:
    await play.create(objects.daemon_set("agent", play.namespace, GOOD))
    await play.rest("on every node")
    pin = {"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/hostname": "node-a"}}}}}
    await play.patch("DaemonSet", "agent", pin, STRATEGIC)
    await play.rest("on one node")
