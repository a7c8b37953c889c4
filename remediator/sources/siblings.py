"""What a target is one of, read live: the nodes, workloads or pods beside it, and the control plane of a node.

In hand counts as not healthy, and so does what is gone while it is in hand: deleted and not yet replaced.
"""

from __future__ import annotations

from msgspec.structs import replace

from remediator.core.kinds import KINDS, WORKLOADS
from remediator.core.model import Json, Ref, Target
from remediator.core.state import Incident, State
from remediator.core.surroundings import Members, Siblings
from remediator.core.workload import condition, desired_of, health_of, is_control_plane, zone_of
from remediator.ports import Cluster, Invalid, NotFound
from remediator.sources.disruptions import budgets_over
from remediator.sources.targets import controller_of

ETCD = ("component", "app", "k8s-app")
"""Labels under which installers mark the pods of etcd with the value `etcd`."""


async def siblings(cluster: Cluster, state: State, incident: Incident, live: Json) -> Siblings:
    """The target's siblings. A node's: all of the control plane, or all but those, as it is one or not. A workload's:
    those of its kind in its namespace. A pod's: those of the same controller.
    """
    target = incident.target
    if target.kind == "Node":
        nodes = await _nodes(cluster)
        alike = [node for node in nodes if is_control_plane(node) is is_control_plane(live)]
        zone_pool = sum(zone_of(node) == zone_of(live) for node in alike)
        return _summed(alike, nodes, target, state, len(alike), zone_pool)
    if target.kind == "Pod":
        return await _pods(cluster, state, target, live)
    if target.kind not in WORKLOADS:
        raise Invalid(f"what the siblings of a {target.kind} are is not defined")
    found = await _list(cluster, target.kind, target.namespace)
    return _summed(found, found, target, state, len(found))


async def members(cluster: Cluster, state: State, incident: Incident, live: Json) -> Members:
    """The control plane that a node belongs to, and the disruption budgets over the etcd member that runs on it."""
    nodes = await _nodes(cluster)
    alike = [node for node in nodes if is_control_plane(node)]
    summed = _summed(alike, nodes, incident.target, state, len(alike))
    pods = [pod for label in ETCD for pod in await _list(cluster, "Pod", selector=f"{label}=etcd")]
    here = [pod["metadata"] for pod in pods if pod.get("spec", {}).get("nodeName") == incident.target.name]
    found = [await budgets_over(cluster, meta["namespace"], meta.get("labels") or {}) for meta in here]
    budgets = tuple(dict.fromkeys(budget for each in found for budget in each)) if all(found) and found else None
    return Members(summed.total, summed.healthy, summed.busy, budgets)


async def _pods(cluster: Cluster, state: State, target: Target, live: Json) -> Siblings:
    """A pod's controller says how many there ought to be: those that are missing count as not healthy."""
    pods = await _list(cluster, "Pod", target.namespace)
    owner = controller_of(live)
    if owner is None:
        return _summed([live], pods, target, state, len(pods))
    alike = [pod for pod in pods if (controller_of(pod) or {}).get("uid") == owner["uid"]]
    summed = _summed(alike, pods, target, state, len(pods))
    return replace(summed, total=max(summed.total, await _desired(cluster, target.namespace, owner)))


async def _desired(cluster: Cluster, namespace: str, owner: Json) -> int:
    """How many pods their controller wants; 0 where it is gone."""
    try:
        return desired_of(await cluster.get(Ref(KINDS[owner["kind"]], namespace, owner["name"])))
    except NotFound:
        return 0


async def _nodes(cluster: Cluster) -> list[Json]:
    return await _list(cluster, "Node")


async def _list(cluster: Cluster, kind: str, namespace: str = "", selector: str = "") -> list[Json]:
    """Objects of a kind; the API leaves their kind out of a list."""
    return [{**each, "kind": kind} for each in await cluster.list(KINDS[kind], namespace, selector)]


def _summed(
    alike: list[Json], everyone: list[Json], target: Target, state: State, pool: int, zone_pool: int = 0
) -> Siblings:
    """Siblings as numbers. What is in hand and in no list is deleted and not replaced: one more that is not healthy."""
    in_hand = frozenset(key for key in state.hands if key.startswith(f"{target.kind}/{target.namespace}/"))
    in_hand -= {target.key}
    keys = {_key(target, each) for each in alike} | {target.key}
    gone = in_hand - {_key(target, each) for each in everyone}
    healthy = sum(_is_well(each) for each in alike if _key(target, each) not in in_hand | {target.key})
    return Siblings(len(keys | gone), healthy, tuple(sorted(in_hand)), pool, zone_pool)


def _key(target: Target, each: Json) -> str:
    return f"{target.kind}/{target.namespace}/{each['metadata']['name']}"


def _is_well(live: Json) -> bool:
    """Whether an object takes its share: ready, not on its way out, and a node open for pods."""
    if live["kind"] == "Pod":
        return condition(live, "Ready").get("status") == "True" and not live["metadata"].get("deletionTimestamp")
    return not health_of(live) and not live.get("spec", {}).get("unschedulable")
