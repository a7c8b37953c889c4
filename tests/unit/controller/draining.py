"""A simulated cluster whose `node-1` is to be drained, and what tests ask of it afterwards."""

from __future__ import annotations

from remediator.core.kinds import KINDS
from remediator.core.model import Json, PatchType, Ref
from remediator.core.rules import Rule, Step, TargetSpec, Until, When
from remediator.simulation import objects
from remediator.simulation.clock import stamp
from remediator.simulation.world import World
from tests.unit.builders import ESCALATE, matcher, rule
from tests.unit.controller.house import House
from tests.unit.controller.house import alert as made
from tests.unit.playing import ACCOUNT

NODE = Ref(KINDS["Node"], "", "node-1")
NAME = "drain-bad-node"


def world(replicas: int = 6, **deployment: object) -> World:
    """Three nodes; `shop/web` and a DaemonSet have run on them for an hour."""
    built = World(namespaces=("kube-system", "shop"))
    built.create(objects.deployment("web", "shop", replicas=replicas, **deployment))
    built.create(objects.daemon_set("agent", "kube-system"))
    built.advance(3600)
    return built


def draining(*ladder: str | Step, **fields: object) -> Rule:
    """A rule that drains the node an alert names."""
    given = {
        "when": When((matcher("alertname", "NodeBad"),)),
        "target": TargetSpec("Node"),
        "until": Until(for_=10.0, within=300.0),
    } | fields
    return rule(NAME, *(ladder or ("drain", ESCALATE)), **given)


def alert(house: House, status: str = "firing") -> None:
    """`node-1` is bad, or is no longer."""
    house.alert("NodeBad", status, node="node-1", namespace="", deployment="")


async def resolving(house: House) -> None:
    """The alert resolves, while the processes go on."""
    at = stamp(house.world.clock.now())
    await house.receive(made("NodeBad", "resolved", at, node="node-1", namespace="", deployment=""))


def node(of: World) -> Json:
    """`node-1` as it is now."""
    return of.server.get(NODE)


def change_node(of: World, body: Json) -> None:
    """Somebody else changes `node-1`."""
    of.server.patch(NODE, body, PatchType.MERGE)


def pods_on(of: World, name: str = "node-1", app: str = "web") -> list[Json]:
    """The pods of an app on a node, those that are ending too."""
    found = of.store.each("Pod", "shop" if app != "agent" else "kube-system")
    return [pod for pod in found if pod["spec"].get("nodeName") == name and pod["metadata"]["labels"]["app"] == app]


def evictions(of: World) -> list[str]:
    """The names of the pods that were evicted, in order."""
    return [entry.request.name for entry in of.audit.writes(ACCOUNT) if entry.request.verb == "evict"]


def cordons(of: World) -> list[bool]:
    """Each time the node was cordoned (True) or uncordoned (False)."""
    writes = [entry.request for entry in of.audit.writes(ACCOUNT) if entry.request.kind == "Node"]
    return [bool(each.body["spec"]["unschedulable"]) for each in writes if "spec" in each.body]
