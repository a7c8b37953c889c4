"""Custom types: the API server is asked once how they are addressed, and again where it did not know them."""

from __future__ import annotations

import pytest

from remediator.clients.kubernetes import KubernetesCluster
from remediator.core.kinds import resource
from remediator.core.model import Change, Precondition, Ref, Verb
from remediator.ports import NotFound, Unavailable

from .api_server import ApiServer, Connection, answer, reset, status, stream

RING = resource("Ring.v1.example.com")
SERVED = {
    "groupVersion": "example.com/v1",
    "resources": [
        {"name": "rings/status", "kind": "Ring", "namespaced": True},
        {"name": "rings", "kind": "Ring", "namespaced": True},
        {"name": "ringlords", "kind": "RingLord", "namespaced": False},
    ],
}


def served(api: ApiServer, content: object = SERVED) -> list[str]:
    """Let the server know these types, and answer all else with an empty list; what it was asked for."""

    async def reply(connection: Connection) -> None:
        path, watching = api.last.path, "watch" in api.last.query
        to_list = stream() if watching else answer(content={"metadata": {"resourceVersion": "7"}, "items": []})
        await (answer(content=content) if path == "/apis/example.com/v1" else to_list)(connection)

    api.reply = reply
    return [seen.path for seen in api.seen]


async def test_a_custom_type_is_asked_for_once_and_then_addressed_by_its_plural(
    cluster: KubernetesCluster, api: ApiServer
) -> None:
    served(api)
    ring = Ref(RING, "shop", "one")
    await cluster.get(ring)
    await cluster.list(RING, "shop")
    await cluster.rehearse(Change(Verb.PATCH, ring, {"spec": {}}, Precondition("u", "1")))
    await cluster.write(Change(Verb.DELETE, ring, {}, Precondition("u", "1")))
    assert [event async for event in cluster.watch(RING)] == []
    assert [(seen.method, seen.path) for seen in api.seen] == [
        ("GET", "/apis/example.com/v1"),
        ("GET", "/apis/example.com/v1/namespaces/shop/rings/one"),
        ("GET", "/apis/example.com/v1/namespaces/shop/rings"),
        ("PATCH", "/apis/example.com/v1/namespaces/shop/rings/one"),
        ("DELETE", "/apis/example.com/v1/namespaces/shop/rings/one"),
        ("GET", "/apis/example.com/v1/rings"),
    ]


async def test_one_that_is_in_no_namespace_is_addressed_so(cluster: KubernetesCluster, api: ApiServer) -> None:
    served(api)
    await cluster.get(Ref(resource("RingLord.v1.example.com"), "shop", "one"))
    assert api.last.path == "/apis/example.com/v1/ringlords/one"


async def test_listed_objects_say_their_own_kind(cluster: KubernetesCluster, api: ApiServer) -> None:
    served(api)
    await cluster.list(RING)
    api.reply = answer(content={"metadata": {}, "items": [{"metadata": {"name": "one"}}]})
    assert await cluster.list(RING) == [{"apiVersion": "example.com/v1", "kind": "Ring", "metadata": {"name": "one"}}]


async def test_what_is_not_there_is_asked_for_again_the_next_time(cluster: KubernetesCluster, api: ApiServer) -> None:
    api.reply = status(404, "the server could not find the requested resource")
    with pytest.raises(NotFound, match="could not find"):
        await cluster.list(RING)
    served(api, {"resources": [{"name": "rings/status", "kind": "Ring", "namespaced": True}]})
    with pytest.raises(NotFound, match=r"has no Ring in example.com/v1"):
        await cluster.list(RING)
    served(api)
    assert await cluster.list(RING) == []


async def test_a_write_whose_address_cannot_be_asked_for_was_not_sent(
    cluster: KubernetesCluster, api: ApiServer
) -> None:
    api.reply = reset
    with pytest.raises(Unavailable):
        await cluster.write(Change(Verb.DELETE, Ref(RING, "shop", "one"), {}, Precondition("u", "1")))
    assert {seen.method for seen in api.seen} == {"GET"}
