"""The diagnosis: what is read of a target that is in trouble, within bounds, without secrets, whatever fails."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from remediator.core.diagnosis import Diagnosis
from remediator.core.findings import findings
from remediator.core.kinds import KINDS
from remediator.core.model import Json, PatchType, Ref, Target
from remediator.ports import Forbidden
from remediator.simulation.cluster import SimulatedCluster
from remediator.simulation.loop import VirtualLoop
from remediator.simulation.world import World
from remediator.sources.diagnoses import MOST, WINDOW, Diagnoses
from remediator.sources.diagnosis import LARGEST, MOST_LINES, MOST_SECONDS, diagnose, node_state
from remediator.sources.pod_states import log_of
from tests.unit.playing import GOOD, WEB, play, roll_out, shop

CRASHING = "registry.example/app:crash"
CANARY = "CANARYcanary0123456789"
LOG = f"starting\nDATABASE_URL=postgres://app:{CANARY}@db/shop\n\x1b[31mpanic: no such table\x1b[0m\n"


def crashing(**containers: Any) -> World:
    """`shop/web` has been given an image that crashes."""
    world = shop()
    world.logs[CRASHING] = LOG
    body = {"name": "app", "image": CRASHING, **containers}
    world.server.patch(WEB, {"spec": {"template": {"spec": {"containers": [body]}}}}, PatchType.STRATEGIC)
    world.advance(120)
    return world


def of(world: World, ref: Ref = WEB, cluster: Any = None) -> Diagnosis:
    live = world.server.get(ref)
    target = Target(ref.resource.kind, ref.namespace, ref.name, live["metadata"]["uid"])
    return play(world, diagnose(cluster or world.cluster("remediator"), world.clock, target, live))


def event(world: World, about: Json, reason: str, message: str, kind: str = "Warning", count: int = 3) -> None:
    """An Event as the kubelet writes it."""
    meta = about["metadata"]
    involved = {"kind": about["kind"], "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}
    world.server.create(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{meta['name']}.{reason.lower()}", "namespace": meta["namespace"]},
            "involvedObject": involved,
            "type": kind,
            "reason": reason,
            "message": message,
            "count": count,
            "lastTimestamp": "2026-01-01T12:00:00Z",
        }
    )


def test_pods_that_crash_are_told_with_how_they_ended_and_the_end_of_their_previous_log():
    found = of(crashing())
    worst = found.pods[0]
    assert (worst.ready, worst.state, worst.last_exit) == (False, "CrashLoopBackOff", "exit 1 (Error)")
    assert worst.restarts > 0
    assert found.logs[0].previous
    assert found.logs[0].lines[-1] == "panic: no such table", "colours are gone"
    assert findings(found)[0].startswith("web-")
    assert "CrashLoopBackOff, exit 1 (Error)" in findings(found)[0]


@pytest.mark.parametrize(
    ("state", "ended_before", "wanted"),
    [
        ("terminated", True, ("app", False)),  # the kubelet keeps this one, and has removed the one before
        ("terminated", False, ("app", False)),
        ("waiting", True, ("app", True)),
        ("running", True, ("app", True)),
        ("running", False, ("app", False)),
        ("waiting", False, None),
    ],
)
def test_the_log_is_that_of_the_instance_that_ended_last(state: str, ended_before: bool, wanted: object):
    last = {"terminated": {"exitCode": 137}} if ended_before else {}
    status = {"name": "app", "ready": False, "state": {state: {"exitCode": 137}}, "lastState": last}
    assert log_of({"status": {"containerStatuses": [status]}}) == wanted


class Removing(SimulatedCluster):
    """Its kubelet has removed the container that is asked for, `times` times."""

    times = 1

    async def logs(self, pod: Ref, container: str, *, previous: bool = False, lines: int = 60) -> str:
        if self.times:
            self.times -= 1
            return "unable to retrieve container logs for containerd://71587fadf371"
        return await super().logs(pod, container, previous=previous, lines=lines)


def test_a_log_that_is_gone_is_asked_for_once_more_and_what_the_kubelet_says_is_not_taken_for_it():
    world = crashing()
    found = of(world, cluster=Removing(world, "remediator"))
    assert found.logs[0].lines[-1] == "panic: no such table"

    gone = Removing(world, "remediator")
    gone.times = 100
    found = of(world, cluster=gone)
    assert found.logs == ()
    assert found.unread["logs"].startswith("the log of shop/web-")
    assert found.unread["logs"].endswith("was removed with its container")
    assert found.events or found.pods, "all else is there"


def test_the_history_and_what_the_last_roll_out_changed_are_told():
    found = of(crashing())
    assert [(each.number, each.images) for each in found.revisions] == [(2, (CRASHING,)), (1, (GOOD,))]
    assert found.changed.splitlines() == [
        f'- spec.containers[app].image: "{GOOD}"',
        f'+ spec.containers[app].image: "{CRASHING}"',
    ]


def test_values_of_environment_variables_are_told_as_changed_and_no_more():
    world = crashing(env=[{"name": "DB_PASSWORD", "value": CANARY}, {"name": "MODE", "value": "fast"}])
    found = of(world)
    assert "+ spec.containers[app].env[DB_PASSWORD].value: [redacted]" in found.changed
    assert "+ spec.containers[app].env[MODE].value: [redacted]" in found.changed


def test_events_of_the_target_and_its_worst_pods_are_told_warnings_first():
    world = crashing()
    event(world, world.server.get(WEB), "ScalingReplicaSet", "Scaled up", "Normal")
    event(world, world.server.get(WEB), "BackOff", "Back-off restarting", count=7)
    found = of(world)
    assert [(each.reason, each.count, each.about) for each in found.events][:2] == [
        ("BackOff", 7, "Deployment/web"),
        ("ScalingReplicaSet", 3, "Deployment/web"),
    ]


def test_a_node_in_trouble_is_told():
    world = crashing()
    for name in {pod.node for pod in of(world).pods}:
        world.server.patch(Ref(KINDS["Node"], "", name), {"spec": {"unschedulable": True}}, PatchType.MERGE)
    assert any("unschedulable" in node.troubles for node in of(world).nodes)


@pytest.mark.parametrize(
    ("conditions", "troubles"),
    [
        ([{"type": "Ready", "status": "True"}], ()),
        (
            [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}],
            ("Ready is Unknown: NodeStatusUnknown",),
        ),
        ([], ("Ready is Unknown: ",)),
        (
            [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True", "message": "full\x1b[2J"}],
            ("DiskPressure: full",),
        ),
    ],
)
def test_what_is_wrong_with_a_node(conditions, troubles):
    state = node_state({"metadata": {"name": "n"}, "status": {"conditions": conditions}})
    assert tuple(each.strip() for each in state.troubles) == tuple(each.strip() for each in troubles)


def test_no_planted_secret_comes_through():
    env = [{"name": "TOKEN", "value": CANARY}]
    world = crashing(env=env, args=[f"--password={CANARY}"])
    event(world, world.server.get(WEB), "Failed", f"cannot pull https://bob:{CANARY}@registry.example/app")
    said = msgspec.json.encode(of(world)).decode()
    assert CANARY not in said
    assert "\\u001b" not in said
    assert "[redacted]" in said


def test_it_is_bounded_however_much_there_is_to_tell():
    world = crashing()
    world.logs[CRASHING] = "".join(f"{number} {'ünï' * 400}\n" for number in range(5000))
    for number in range(60):
        event(world, world.server.get(WEB), f"Reason{number}", "m" * 5000)
    found = of(world)
    assert len(msgspec.json.encode(found)) <= LARGEST
    assert all(len(log.lines) <= MOST_LINES for log in found.logs)
    assert found.pods


class Refusing(SimulatedCluster):
    """An account that may not read some kinds, or a server that never answers about them."""

    refused: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()

    async def list(self, resource: Any, namespace: str = "", selector: str = "", fields: str = "") -> list[Json]:
        if resource.kind in self.silent:
            await asyncio.Event().wait()
        if resource.kind in self.refused:
            raise Forbidden(f"may not list {resource.plural}", status=403)
        return await super().list(resource, namespace, selector, fields)


@pytest.mark.parametrize("kind", ["Pod", "ReplicaSet", "Event"])
def test_what_may_not_be_read_is_named_and_the_rest_is_there(kind):
    world = crashing()
    cluster = Refusing(world, "remediator")
    cluster.refused = frozenset({kind})
    found = of(world, cluster=cluster)
    part = {"Pod": "pods", "ReplicaSet": "revisions", "Event": "events"}[kind]
    assert "may not list" in found.unread[part]
    assert found.revisions or kind == "ReplicaSet"
    assert found.pods or kind == "Pod"


def test_what_takes_too_long_is_left_out_and_nothing_waits_for_it():
    world = crashing()
    cluster = Refusing(world, "remediator")
    cluster.silent = frozenset({"Event"})
    before = world.clock.now()
    found = of(world, cluster=cluster)
    assert found.unread["events"] == f"took longer than {MOST_SECONDS:g} s"
    assert found.pods
    assert (world.clock.now() - before).total_seconds() <= MOST_SECONDS


def test_a_server_that_fails_at_everything_gives_an_empty_diagnosis():
    world = crashing()
    live = world.server.get(WEB)
    cluster = Refusing(world, "remediator")
    cluster.refused = frozenset({"Pod", "ReplicaSet", "Event", "Service"})
    target = Target("Deployment", "shop", "web", live["metadata"]["uid"])
    found = play(world, diagnose(cluster, world.clock, target, live))
    assert set(found.unread) >= {"pods", "logs", "events", "revisions", "services", "nodes"}
    assert findings(found) == ()


def test_in_a_storm_some_go_without():
    world = crashing()
    cluster = Refusing(world, "remediator")
    cluster.silent = frozenset({"Pod"})
    live = world.server.get(WEB)
    target = Target("Deployment", "shop", "web", live["metadata"]["uid"])

    async def many() -> list[Diagnosis]:
        return await asyncio.gather(*(diagnoses.of(target, live) for _ in range(20)))

    diagnoses, loop = Diagnoses(cluster, world.clock), VirtualLoop(world)
    found, at_once = loop.run_until_complete(many()), loop.run_until_complete(many())
    world.advance(WINDOW.total_seconds())
    later = loop.run_until_complete(many())
    loop.close()
    assert [sum("all" in each.unread for each in some) for some in (found, at_once, later)] == [
        20 - MOST,
        20,
        20 - MOST,
    ]


def test_a_pod_that_cannot_pull_its_image_has_no_log_and_says_why():
    world = shop()
    roll_out(world, "registry.example/app:broken")
    world.advance(60)
    found = of(world)
    assert found.pods[0].state in ("ImagePullBackOff", "ErrImagePull")
    assert found.logs == ()
    assert "logs" not in found.unread


class Serving(SimulatedCluster):
    """Knows Services and EndpointSlices too."""

    async def list(self, resource: Any, namespace: str = "", selector: str = "", fields: str = "") -> list[Json]:
        if resource.kind == "Service":
            found = {"web": {"app": "web"}, "other": {"app": "cart"}, "headless": {}}
            return [{"metadata": {"name": name}, "spec": {"selector": labels}} for name, labels in found.items()]
        if resource.kind == "EndpointSlice":
            assert selector == "kubernetes.io/service-name in (web)"
            points = [{"conditions": {"ready": True}}, {"conditions": {"ready": False}}, {"conditions": {}}]
            labels = {"kubernetes.io/service-name": "web"}
            return [{"metadata": {"labels": labels}, "endpoints": points}, {"metadata": {"labels": labels}}]
        return await super().list(resource, namespace, selector, fields)


def test_services_of_the_target_are_told_with_their_endpoints():
    world = crashing()
    found = of(world, cluster=Serving(world, "remediator"))
    assert [(each.name, each.ready, each.not_ready) for each in found.services] == [("web", 2, 1)]
    assert "service web: 2 endpoints ready, 1 not" in findings(found)
