"""What is read for the guard `capacity`: the API server's own word, and room on other nodes."""

from __future__ import annotations

import pytest

from remediator.core.kinds import KINDS
from remediator.core.model import Json, PatchType, Ref, Target
from remediator.core.state import State
from remediator.core.surroundings import Capacity
from remediator.ports import ClusterError, Forbidden, Invalid, Throttled, Unavailable
from remediator.simulation import objects
from remediator.simulation.cluster import SimulatedCluster
from remediator.simulation.world import World
from remediator.sources.capacity import capacity
from tests.unit.builders import incident, rule
from tests.unit.playing import ACCOUNT, play, shop, web


def of_web(world: World, cluster: object = None) -> Capacity:
    about = incident(target=Target("Deployment", "shop", "web"))
    return play(world, capacity(cluster or world.cluster(ACCOUNT), State(), about, web(world)))


def of_node(world: World, name: str = "node-1") -> Capacity:
    node: Json = world.server.get(Ref(KINDS["Node"], "", name))
    about = incident(rule("drain", "drain"), target=Target("Node", "", name))
    return play(world, capacity(world.cluster(ACCOUNT), State(), about, {**node, "kind": "Node"}))


class Answering(SimulatedCluster):
    """A cluster that answers every dry run with one error."""

    error: ClusterError

    async def rehearse(self, change):
        raise self.error


def test_a_pod_of_the_template_is_created_in_a_dry_run_and_nothing_is_written():
    world = shop()
    assert of_web(world) == Capacity()
    (asked,) = world.audit.rehearsals(ACCOUNT)
    assert (asked.request.verb, asked.request.kind, asked.code) == ("create", "Pod", 201)
    assert world.audit.writes(ACCOUNT) == []


QUOTA = 'pods "web-x" is forbidden: exceeded quota: full, requested: pods=1, used: pods={used}, limited: pods={limited}'


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (Forbidden(QUOTA.format(used=3, limited=3)), ""),
        (Forbidden(QUOTA.format(used=3, limited=2)), "refused"),
        (Forbidden('pods "web-x" is forbidden: violates PodSecurity "restricted:latest"'), "refused"),
        (Forbidden('User "x" cannot create resource "pods" in API group ""'), "refused"),
        (Forbidden("unable to create new content in namespace shop because it is being terminated"), "unknown"),
        (Invalid('admission webhook "policy.example" denied the request'), "refused"),
        (Invalid('admission webhook "policy.example" does not support dry run'), "unknown"),
        (Unavailable('failed calling webhook "policy.example": connection refused', status=500), "refused"),
        (Unavailable("connection refused"), "unknown"),
        (Throttled("too many requests"), "unknown"),
    ],
    ids=lambda value: value.message[-40:] if isinstance(value, ClusterError) else value,
)
def test_what_the_api_server_says_is_a_no_a_yes_or_no_knowledge(error, found):
    world = shop()
    cluster = Answering(world, ACCOUNT)
    cluster.error = error
    seen = of_web(world, cluster)
    assert (bool(seen.refused), bool(seen.unknown)) == (found == "refused", found == "unknown")
    assert all(error.message in why for why in (*seen.refused, *seen.unknown))


def test_of_a_node_all_that_would_go_must_find_room_and_one_of_each_controller_is_asked_about():
    world = World(namespaces=("kube-system", "shop"))
    world.create(objects.deployment("web", "shop", replicas=6), objects.daemon_set("agent", "kube-system"))
    world.advance(600)
    assert of_node(world) == Capacity()
    assert len(world.audit.rehearsals(ACCOUNT)) == 1
    for other in ("node-2", "node-3"):
        world.server.patch(Ref(KINDS["Node"], "", other), {"spec": {"unschedulable": True}}, PatchType.MERGE)
    assert len(of_node(world).unplaced) == 2
