"""Where sequences play: a simulated world, and a namespace of the lab. Both are asked through `ports.Cluster`."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from remediator.clients import kubernetes
from remediator.core.kinds import KINDS
from remediator.core.model import Json, Ref
from remediator.ports import Cluster
from remediator.simulation import objects
from remediator.simulation.controllers.conditions import with_condition
from remediator.simulation.world import World
from tests.lab import faults
from tests.lab.client import Api
from tests.lab.lab import Lab
from tests.lab.nodes import ZONES, is_ready, node_manifest

Look = Callable[[], Awaitable[Any]]
Same = Callable[[Any], bool]

REST = 30.0
"""Virtual seconds after which a simulated cluster has done what it was going to do."""
STRANGER = "stranger"
"""The name of the service account without rights."""
PATIENCE = 40.0
"""Real seconds within which the lab must have come to what the simulated cluster came to."""
HOLD = 0.3
"""Real seconds for which it must stay so: what is passed through on the way is no rest."""
_PAUSE = 0.2


class Yard(Protocol):
    """A cluster with three ready nodes, and a namespace in it that nobody else uses."""

    @property
    def cluster(self) -> Cluster:
        """The cluster under comparison, as an account that may do everything."""
        ...

    @property
    def stranger(self) -> Cluster:
        """The same cluster, as an account that may do nothing."""
        ...

    @property
    def namespace(self) -> str:
        """The sequence's own namespace."""
        ...

    async def rest(self, look: Look, same: Same) -> Any:
        """Let controllers finish, and answer what `look` sees then. `same` says whether that is what is expected:
        whoever cannot tell when controllers have finished waits for that for a while.
        """
        ...

    async def join(self, node: Json) -> None:
        """Add a node to the cluster, ready."""
        ...

    async def leave(self, name: str) -> None:
        """Remove a node."""
        ...

    async def node_says(self, name: str, ready: bool) -> None:
        """Let a node's kubelet report that it is ready or not."""
        ...


class SimulatedYard:
    """A world of its own, with nodes as the lab's; waiting is moving virtual time on."""

    def __init__(self, namespace: str = "simulated-yard") -> None:
        self.namespace = namespace
        self.world = World(namespaces=("default", "kube-system", namespace), nodes=0)
        self.cluster = self.world.cluster("tester")
        stranger = f"system:serviceaccount:{namespace}:{STRANGER}"
        self.stranger = self.world.cluster(stranger)
        self.world.authorise = lambda request: request.account != stranger
        for zone in ZONES:
            self.world.create(_as_simulated(node_manifest(f"node-{zone[-1]}", zone)))
        self.world.settle()

    async def rest(self, look: Look, same: Same) -> Any:
        self.world.advance(REST)
        return await look()

    async def join(self, node: Json) -> None:
        self.world.create(_as_simulated(node))
        self.world.settle()

    async def leave(self, name: str) -> None:
        self.world.server.delete(Ref(KINDS["Node"], "", name))

    async def node_says(self, name: str, ready: bool) -> None:
        node = self.world.server.get(Ref(KINDS["Node"], "", name))
        value, reason = ("True", "KubeletReady") if ready else ("False", "KubeletNotReady")
        at = self.world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        status = with_condition(node["status"], "Ready", value, reason, "set by the lab", at)
        self.world.server.update_status({**node, "status": status})


class LabYard:
    """A namespace of a real control plane; waiting is looking again until it is as expected, or patience is over."""

    def __init__(self, cluster: Cluster, stranger: Cluster, admin: Api, namespace: str) -> None:
        self.cluster, self.stranger, self.namespace, self._admin = cluster, stranger, namespace, admin

    async def rest(self, look: Look, same: Same) -> Any:
        clock = asyncio.get_running_loop().time
        deadline, since = clock() + PATIENCE, None
        while True:
            seen = await look()
            since = (since or clock()) if same(seen) else None
            if clock() > deadline or (since is not None and clock() - since >= HOLD):
                return seen
            await asyncio.sleep(_PAUSE)

    async def join(self, node: Json) -> None:
        name = node["metadata"]["name"]
        await asyncio.to_thread(self._admin.create, node)
        await asyncio.to_thread(self._admin.wait_for, "nodes", name, "", is_ready)

    async def leave(self, name: str) -> None:
        await asyncio.to_thread(self._admin.delete, "nodes", name)

    async def node_says(self, name: str, ready: bool) -> None:
        says = faults.node_ready if ready else faults.node_not_ready
        await asyncio.to_thread(says, self._admin, name)


@asynccontextmanager
async def lab_yard(lab: Lab, sequence: str) -> AsyncIterator[LabYard]:
    """A yard in a fresh namespace, in which pods can be created at once; its removal is asked for afterwards."""
    namespace = f"{sequence.replace('_', '-')[:40].strip('-')}-{secrets.token_hex(3)}"
    await asyncio.to_thread(_make_namespace, lab, namespace)
    cluster = kubernetes.connect(str(lab.kubeconfig()))
    stranger = kubernetes.connect(str(lab.account_of(STRANGER, namespace).kubeconfig))
    try:
        yield LabYard(cluster, stranger, lab.admin, namespace)
    finally:
        await cluster.close()
        await stranger.close()
        await asyncio.to_thread(lab.admin.delete, "namespaces", namespace)


def _make_namespace(lab: Lab, namespace: str) -> None:
    lab.admin.create(objects.namespace(namespace))
    lab.admin.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": STRANGER}}, namespace)
    lab.admin.wait_for("serviceaccounts", "default", namespace, lambda account: True)


def _as_simulated(node: Json) -> Json:
    """A node of the lab with the status that kwok gives it."""
    metadata = node["metadata"]
    return {**objects.node(metadata["name"]), "metadata": {**metadata}, "spec": dict(node.get("spec") or {})}
