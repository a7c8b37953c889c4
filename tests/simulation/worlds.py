"""Short forms for tests on a simulated world."""

from __future__ import annotations

from remediator.core.kinds import KINDS
from remediator.core.model import Json, PatchType, Ref
from remediator.simulation import objects
from remediator.simulation.controllers.pod_facts import is_active
from remediator.simulation.values import condition_of, is_ready
from remediator.simulation.world import World

SHOP = "shop"
GOOD, BETTER, CRASHING, BROKEN = "app:1", "app:2", "crash:1", "broken:1"


def world(**settings: int) -> World:
    """A world with three nodes and the namespace `shop`."""
    return World(namespaces=("default", "kube-system", SHOP), **settings)


def at(kind: str, name: str) -> Ref:
    """The address of an object in `shop`, or of one without a namespace."""
    resource = KINDS[kind]
    return Ref(resource, SHOP if resource.namespaced else "", name)


def get(w: World, kind: str, name: str) -> Json:
    """The stored object."""
    return w.server.get(at(kind, name))


def running(w: World, replicas: int = 3, image: str = GOOD, **spec: object) -> Json:
    """The Deployment `web`, given half a minute to come up."""
    w.create(objects.deployment("web", SHOP, image, replicas, **spec))
    w.advance(30)
    return get(w, "Deployment", "web")


def roll(w: World, image: str, name: str = "web", kind: str = "Deployment") -> None:
    """Give a workload another image."""
    body = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}}
    w.server.patch(at(kind, name), body, PatchType.STRATEGIC)


def merge(w: World, kind: str, name: str, body: Json) -> Json:
    """A merge patch by the administrator."""
    return w.server.patch(at(kind, name), body, PatchType.MERGE)


def scale(w: World, replicas: int) -> None:
    """Change the size of `web`."""
    merge(w, "Deployment", "web", {"spec": {"replicas": replicas}})


def status(w: World, kind: str = "Deployment", name: str = "web") -> Json:
    """The status of a workload."""
    return get(w, kind, name)["status"]


def progress(w: World) -> tuple[str, str]:
    """Value and reason of the Progressing condition of `web`."""
    condition = condition_of(status(w), "Progressing")
    return (condition["status"], condition["reason"]) if condition else ("", "")


def pods(w: World, image: str = "", ready: bool | None = None) -> list[Json]:
    """Pods in `shop` that count, of an image where one is given, ready or unready ones where it is said."""
    return [
        pod
        for pod in w.store.each("Pod", SHOP)
        if is_active(pod) and image in ("", pod["spec"]["containers"][0]["image"]) and ready in (None, is_ready(pod))
    ]


def sizes(w: World) -> dict[str, int]:
    """Wanted pods by image, over the ReplicaSets in `shop`."""
    found: dict[str, int] = {}
    for item in w.store.each("ReplicaSet", SHOP):
        image = item["spec"]["template"]["spec"]["containers"][0]["image"]
        found[image] = found.get(image, 0) + item["spec"]["replicas"]
    return found
