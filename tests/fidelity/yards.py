"""Where sequences play: a simulated world, and a namespace of the lab. Both are asked through `ports.Cluster`."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

from remediator.clients import kubernetes
from remediator.clients.transport import Timeouts
from remediator.core.kinds import KINDS
from remediator.core.model import Json, Ref
from remediator.ports import Cluster
from remediator.simulation import objects
from remediator.simulation.controllers.conditions import with_condition
from remediator.simulation.world import World
from tests.lab import faults
from tests.lab.lab import Lab
from tests.lab.namespaces import empty
from tests.lab.nodes import ZONES, is_ready, node_manifest
from tests.lab.waiting import PATIENCE

Look = Callable[[], Awaitable[Any]]
Same = Callable[[Any], bool]

REST = 30.0
"""Virtual seconds after which a simulated cluster has done what it was going to do."""
STRANGER = "stranger"
"""The name of the service account without rights."""
PATIENT = Timeouts(connect=PATIENCE, request=PATIENCE)
"""An answer that comes late is one: what is compared is what it says."""
HOLD = 0.3
"""Real seconds for which it must stay so: what is passed through on the way is no rest."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 0.5


class Yard(Protocol):
    """A cluster with three ready nodes, and a namespace in it that nobody else uses."""

    @property
    def cluster(self) -> Cluster:
        """The cluster under comparison, as an account that may do everything."""
        ...

    async def as_stranger(self) -> Cluster:
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
        self._stranger = f"system:serviceaccount:{namespace}:{STRANGER}"
        self.world.authorise = lambda request: request.account != self._stranger
        for zone in ZONES:
            self.world.create(_as_simulated(node_manifest(f"node-{zone[-1]}", zone)))
        self.world.settle()

    async def as_stranger(self) -> Cluster:
        return self.world.cluster(self._stranger)

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

    def __init__(self, lab: Lab, cluster: Cluster, namespace: str, after: AsyncExitStack) -> None:
        self.cluster, self.namespace = cluster, namespace
        self._lab, self._admin, self._after = lab, lab.admin, after

    async def as_stranger(self) -> Cluster:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": STRANGER}}
        await asyncio.to_thread(self._admin.create, account, self.namespace)
        made = await asyncio.to_thread(self._lab.account_of, STRANGER, self.namespace)
        made.api.close()
        stranger = kubernetes.connect(str(made.kubeconfig), timeouts=PATIENT)
        self._after.push_async_callback(stranger.close)
        return stranger

    async def rest(self, look: Look, same: Same) -> Any:
        clock = asyncio.get_running_loop().time
        began, since = clock(), None
        while True:
            seen = await look()
            now = clock()
            since = (since or now) if same(seen) else None
            if now - began > PATIENCE or (since is not None and now - since >= HOLD):
                return seen
            await asyncio.sleep(
                min(max(_SHORTEST_PAUSE, (now - began) / 10), _LONGEST_PAUSE) if since is None else HOLD
            )

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
async def lab_yard(lab: Lab, cluster: Cluster, sequence: str) -> AsyncIterator[LabYard]:
    """A yard in a fresh namespace, in which pods can be created at once; what runs in it is ended afterwards."""
    namespace = f"{sequence.replace('_', '-')[:40].strip('-')}-{secrets.token_hex(3)}"
    await asyncio.to_thread(_make_namespace, lab, namespace)
    async with AsyncExitStack() as after:
        after.push_async_callback(asyncio.to_thread, empty, lab.admin, namespace)
        yield LabYard(lab, cluster, namespace, after)


def _make_namespace(lab: Lab, namespace: str) -> None:
    lab.admin.create(objects.namespace(namespace))
    lab.admin.wait_for("serviceaccounts", "default", namespace, lambda account: True)


def _as_simulated(node: Json) -> Json:
    """A node of the lab with the status that kwok gives it."""
    metadata = node["metadata"]
    return {**objects.node(metadata["name"]), "metadata": {**metadata}, "spec": dict(node.get("spec") or {})}
