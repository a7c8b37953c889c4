"""A simulated cluster with `shop/web` in it, and coroutines played in its virtual time."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from remediator.core.kinds import KINDS
from remediator.core.model import Json, PatchType, Ref
from remediator.simulation import objects
from remediator.simulation.audit import Entry
from remediator.simulation.loop import VirtualLoop
from remediator.simulation.world import World

ACCOUNT = "remediator"
GOOD, BROKEN = "registry.example/app:1", "registry.example/app:broken"
WEB = Ref(KINDS["Deployment"], "shop", "web")

T = TypeVar("T")


def shop(**deployment: Any) -> World:
    """A world in which `shop/web` has had three ready replicas of a good image for an hour."""
    world = World(namespaces=("kube-system", "shop"))
    world.create(objects.deployment("web", "shop", GOOD, **deployment))
    world.advance(3600)
    return world


def play(world: World, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end in the world's time, without waiting."""
    loop = VirtualLoop(world)
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


def web(world: World) -> Json:
    """`shop/web` as it is now."""
    return world.server.get(WEB)


def image(world: World) -> str:
    """The image that `shop/web` wants."""
    return web(world)["spec"]["template"]["spec"]["containers"][0]["image"]


def change(world: World, body: Json) -> None:
    """Somebody else changes `shop/web`."""
    world.server.patch(WEB, body, PatchType.STRATEGIC)


def roll_out(world: World, name: str) -> None:
    """Somebody else gives `shop/web` another image."""
    change(world, {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": name}]}}}})


def effects(world: World) -> list[Entry]:
    """Our writes that changed a template; fences change none."""
    return [entry for entry in world.audit.writes(ACCOUNT) if "spec" in entry.request.body]


def fences(world: World) -> list[Entry]:
    """Our writes that only moved a resourceVersion."""
    return [entry for entry in world.audit.writes(ACCOUNT) if "spec" not in entry.request.body]
