"""Where the contract of `ports.Cluster` is tried: a cluster, an administrator beside it, and a way to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from remediator.core.kinds import KINDS
from remediator.core.model import Json, PatchType, Ref
from remediator.ports import Cluster, NotFound
from remediator.simulation import objects
from remediator.simulation.world import World
from tests.lab.client import Api
from tests.lab.errors import ApiError
from tests.lab.waiting import wait_for


class Yard(Protocol):
    """One adapter under test, with a namespace of its own and at least three ready nodes."""

    @property
    def cluster(self) -> Cluster:
        """The adapter."""
        ...

    @property
    def namespace(self) -> str:
        """A namespace that nobody else uses."""
        ...

    def create(self, obj: Json) -> Json:
        """Create an object as the administrator."""
        ...

    def merge(self, ref: Ref, body: Json) -> Json:
        """Merge-patch an object as the administrator."""
        ...

    def find(self, ref: Ref) -> Json | None:
        """The live object as the administrator sees it."""
        ...

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds; fail the test where it never does."""
        ...


class SimulatedYard:
    """A yard in a simulated world, where waiting is moving virtual time on."""

    namespace = "shop"

    def __init__(self) -> None:
        self.world = World(namespaces=("default", "kube-system", self.namespace))
        self.cluster = self.world.cluster("tester")

    def create(self, obj: Json) -> Json:
        return self.world.create(obj)

    def merge(self, ref: Ref, body: Json) -> Json:
        return self.world.server.patch(ref, body, PatchType.MERGE)

    def find(self, ref: Ref) -> Json | None:
        try:
            return self.world.server.get(ref)
        except NotFound:
            return None

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        for _ in range(600):
            self.world.settle()
            if holds():
                return
            self.world.advance(1)
        raise AssertionError(f"{what}: not in ten virtual minutes")


class RealYard:
    """A namespace of the lab's API server, through the real client; waiting is waiting."""

    def __init__(self, cluster: Cluster, admin: Api, namespace: str) -> None:
        self.cluster, self.namespace, self._admin = cluster, namespace, admin

    def create(self, obj: Json) -> Json:
        return self._admin.create(obj)

    def merge(self, ref: Ref, body: Json) -> Json:
        return self._admin.patch(ref.resource.plural, ref.name, body, ref.namespace)

    def find(self, ref: Ref) -> Json | None:
        try:
            return self._admin.get(ref.resource.plural, ref.name, ref.namespace)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        await asyncio.to_thread(wait_for, holds, bool, what)


async def ready_deployment(yard: Yard, name: str = "web", replicas: int = 2, **more: object) -> Json:
    """A Deployment whose pods are all available, as last seen."""
    yard.create(objects.deployment(name, yard.namespace, replicas=replicas, **more))
    await yard.until(lambda: available(yard, name) == replicas, f"{name} available")
    found = yard.find(ref("Deployment", yard.namespace, name))
    assert found is not None
    return found


def available(yard: Yard, name: str) -> int:
    """Available replicas of a Deployment, none while its newest spec was not looked at."""
    found = yard.find(ref("Deployment", yard.namespace, name))
    status = (found or {}).get("status") or {}
    if not found or status.get("observedGeneration", 0) < found["metadata"]["generation"]:
        return 0
    return status.get("availableReplicas", 0)


def ref(kind: str, namespace: str, name: str) -> Ref:
    """The address of an object by its kind."""
    return Ref(KINDS[kind], namespace, name)
