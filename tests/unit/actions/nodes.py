"""A node and its pods as actions are handed them, with what a test does not speak of filled in."""

from __future__ import annotations

from collections.abc import Sequence

from remediator.actions.action import Order, UndoOrder
from remediator.core.events import Intent
from remediator.core.model import Change, Json, Target
from remediator.core.progress import Written
from remediator.core.snapshot import Snapshot
from remediator.core.workload import facts_of
from tests.unit.builders import at

NODE = Target("Node", "", "node-1", "uid-node-1")
ID = "incident-1-1"


def node(*, unschedulable: bool = False, ready: str = "True", **metadata: object) -> Json:
    """`node-1` as the API server tells it."""
    meta = {"name": "node-1", "uid": NODE.uid, "resourceVersion": "100", **metadata}
    spec = {"unschedulable": True} if unschedulable else {}
    conditions = [{"type": "Ready", "status": ready}]
    return {"kind": "Node", "metadata": meta, "spec": spec, "status": {"conditions": conditions}}


def set_by(manager: str) -> list[Json]:
    """`managedFields` where this manager set `spec.unschedulable` last."""
    return [
        {"manager": "kubelet", "fieldsV1": {"f:status": {}}},
        {"manager": manager, "fieldsV1": {"f:spec": {"f:unschedulable": {}}}},
    ]


def pod(
    name: str, owner: str = "ReplicaSet", *, namespace: str = "shop", phase: str = "Running", **fields: object
) -> Json:
    """A pod on `node-1` with a controller of this kind (empty: none); `fields` are more metadata, `spec` as it is."""
    owners = [{"kind": owner, "apiVersion": "apps/v1", "name": "its-owner", "controller": True}] if owner else []
    spec = fields.pop("spec", {})
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": "7"}
    return {"metadata": meta | {"ownerReferences": owners} | fields, "spec": spec, "status": {"phase": phase}}


def snapshot(
    live: Json, pods: Sequence[Json] = (), daemon_sets: Sequence[Json] = (), held: dict[str, str] | None = None
) -> Snapshot:
    """What a look at the node brings back at the story's start."""
    lists = {"Pod": tuple(pods), "DaemonSet": tuple(daemon_sets)}
    return Snapshot(facts_of(live, at(0)), live, lists=lists, held=held or {})


def order(seen: Snapshot, done: tuple[Written, ...] = (), **args: object) -> Order:
    """The order to plan on what was seen."""
    return Order(ID, NODE, args, seen, done=done)


def undo_order(live: Json, change: Change, action: str, done: tuple[Written, ...] = ()) -> UndoOrder:
    """The order to take a change back."""
    intent = Intent(ID, action, 0, 1, change, prior=change.prior)
    return UndoOrder("incident-1-2", intent, NODE, snapshot(live), done)
