"""Roll-outs of Deployments: good ones, failing ones, paused ones, by every strategy, scaled in the middle."""

from __future__ import annotations

from typing import Any

from remediator.core.model import Json
from remediator.simulation import objects
from tests.fidelity.play import STRATEGIC, Play
from tests.fidelity.sequences.sequence import sequence

GOOD, BETTER = "registry.example/app:1", "registry.example/app:2"
BROKEN, CRASHING, UNREADY = "registry.example/broken:1", "registry.example/crash:1", "registry.example/notready:1"


def image(name: str, cause: str = "") -> Json:
    """A strategic patch that gives the container `app` another image, and the Deployment a change cause."""
    body: Json = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": name}]}}}}
    return body | ({"metadata": {"annotations": {"kubernetes.io/change-cause": cause}}} if cause else {})


async def running(play: Play, replicas: int = 3, **spec: Any) -> None:
    """The Deployment `web`, all available."""
    await play.create(objects.deployment("web", play.namespace, GOOD, replicas, **spec))
    await play.rest("available")


async def roll(play: Play, to: str, what: str, **more: Any) -> None:
    """Give `web` another image and let the roll-out come as far as it gets."""
    await play.patch("Deployment", "web", image(to, **more), STRATEGIC)
    await play.rest(what)


def rolling(surge: int | str, unavailable: int | str) -> Json:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


@sequence()
async def a_good_roll_out(play: Play) -> None:
    await running(play)
    await roll(play, BETTER, "rolled out", cause="better")
    await play.patch("Deployment", "web", {"metadata": {"annotations": {"note": "1"}}})
    await play.rest("annotation copied")
    await roll(play, GOOD, "the first one again", cause="back by hand")


@sequence()
async def a_roll_out_that_cannot_be_pulled(play: Play) -> None:
    await running(play)
    await roll(play, BROKEN, "stuck")
    await roll(play, BETTER, "rolled over")


@sequence()
async def a_roll_out_that_crashes(play: Play) -> None:
    await running(play, replicas=4)
    await roll(play, CRASHING, "stuck")
    await roll(play, GOOD, "back")


@sequence()
async def a_roll_out_past_its_deadline(play: Play) -> None:
    await running(play, progressDeadlineSeconds=1)
    await roll(play, UNREADY, "given up")
    await roll(play, BETTER, "rolled over")


@sequence()
async def a_first_roll_out_that_fails(play: Play) -> None:
    await play.create(objects.deployment("web", play.namespace, BROKEN, progressDeadlineSeconds=1))
    await play.rest("given up")
    await roll(play, GOOD, "mended")


@sequence()
async def a_paused_roll_out(play: Play) -> None:
    await running(play, replicas=2)
    await play.patch("Deployment", "web", {"spec": {"paused": True}})
    await play.rest("paused")
    await roll(play, BETTER, "still the old one")
    await play.patch("Deployment", "web", {"spec": {"replicas": 3}})
    await play.rest("scaled though paused")
    await play.patch("Deployment", "web", {"spec": {"paused": None}})
    await play.rest("rolled out")


@sequence()
async def paused_in_the_middle(play: Play) -> None:
    await running(play)
    await roll(play, BROKEN, "stuck")
    await play.patch("Deployment", "web", {"spec": {"paused": True}})
    await play.rest("paused")
    await roll(play, GOOD, "the old template, paused")
    await play.patch("Deployment", "web", {"spec": {"paused": False}})
    await play.rest("back")


@sequence()
async def recreate(play: Play) -> None:
    await running(play, replicas=2, strategy={"type": "Recreate"})
    await roll(play, BETTER, "recreated")
    await roll(play, BROKEN, "nothing runs")
    await roll(play, BETTER, "back")


@sequence()
async def surge_alone(play: Play) -> None:
    await running(play, replicas=4, strategy=rolling("50%", 0))
    await roll(play, BROKEN, "stuck with what surge allows")


@sequence()
async def unavailable_alone(play: Play) -> None:
    await running(play, replicas=4, strategy=rolling(0, "30%"))
    await roll(play, BROKEN, "stuck with one less")


@sequence()
async def percentages_that_round(play: Play) -> None:
    await running(play, replicas=5, strategy=rolling("30%", "30%"))
    await roll(play, BROKEN, "stuck")


@sequence()
async def percentages_that_come_to_nothing(play: Play) -> None:
    await running(play, replicas=2, strategy=rolling("0%", "10%"))
    await roll(play, BROKEN, "stuck with one less")


@sequence()
async def all_at_once(play: Play) -> None:
    await running(play, replicas=3, strategy=rolling("100%", "100%"))
    await roll(play, CRASHING, "nothing runs")
    await roll(play, BETTER, "mended")


@sequence()
async def another_strategy_in_the_middle(play: Play) -> None:
    await running(play, replicas=3, strategy=rolling(1, 0))
    await roll(play, BROKEN, "stuck")
    await play.patch("Deployment", "web", {"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 2}}}})
    await play.rest("gone further")


@sequence()
async def a_short_history(play: Play) -> None:
    await running(play, replicas=1, revisionHistoryLimit=1)
    for number in range(2, 5):
        await roll(play, f"registry.example/app:{number}", f"revision {number}")


@sequence()
async def scaled_up_and_down(play: Play) -> None:
    await running(play, replicas=1)
    for replicas in (4, 2, 0, 1):
        await play.patch("Deployment", "web", {"spec": {"replicas": replicas}})
        await play.rest(f"{replicas} replicas")


@sequence(by_kubectl=True)
async def scaled_in_the_middle_of_a_roll_out(play: Play) -> None:
    await running(play, replicas=4)
    await roll(play, BROKEN, "stuck")
    for replicas in (10, 3, 6):
        await play.scale("Deployment", "web", replicas)
        await play.rest(f"{replicas} replicas, shared out")
    await roll(play, BETTER, "rolled out")


@sequence()
async def minimum_seconds_of_readiness(play: Play) -> None:
    await running(play, replicas=2, minReadySeconds=2)
    await roll(play, BETTER, "rolled out")
    await play.patch("Deployment", "web", {"spec": {"minReadySeconds": 600}})
    await play.rest("available no more")
