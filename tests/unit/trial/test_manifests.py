"""Objects of a test file: what a manifest says of the status stands where no simulated controller keeps it."""

from __future__ import annotations

from remediator.core.kinds import KINDS
from remediator.core.model import Ref
from remediator.simulation.world import World
from remediator.trial.manifests import change, create

SYNC = Ref(KINDS["CronJob"], "shop", "sync")
MANIFEST = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "sync", "namespace": "shop"},
    "spec": {
        "schedule": "* * * * *",
        "jobTemplate": {
            "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "a:1"}]}}}
        },
    },
}
ACTIVE = [{"name": "sync-1"}, {"name": "sync-2"}]


def test_a_status_that_nobody_keeps_is_as_the_manifest_says_and_changes_by_its_fields():
    world = World(namespaces=("shop",))
    create(world, {**MANIFEST, "status": {"active": ACTIVE, "lastScheduleTime": "2026-01-01T00:00:00Z"}})
    world.advance(60)
    assert world.server.get(SYNC)["status"]["active"] == ACTIVE
    change(world, SYNC, {"spec": {"suspend": True}, "status": {"active": None}})
    live = world.server.get(SYNC)
    assert (live["spec"]["suspend"], "active" in live["status"]) == (True, False)
    assert live["status"]["lastScheduleTime"] == "2026-01-01T00:00:00Z"


def test_a_status_that_a_controller_keeps_is_as_the_controller_says():
    world = World(namespaces=("shop",), nodes=3)
    create(
        world,
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
         "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
                  "spec": {"containers": [{"name": "app", "image": "a:1"}]}}},
         "status": {"replicas": 7, "availableReplicas": 7}},
    )  # fmt: skip
    world.advance(60)
    assert world.server.get(Ref(KINDS["Deployment"], "shop", "web"))["status"]["availableReplicas"] == 1
