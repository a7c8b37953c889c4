"""A watch: lines of any length, bookmarks, its errors, and its end, which must always come."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from remediator.clients.kubernetes import KubernetesCluster
from remediator.core.kinds import resource
from remediator.core.model import Json
from remediator.ports import Forbidden, NotFound, Unavailable

from .api_server import ApiServer, Reply, cut_off, hang, reset, status, stream

PODS = resource("Pod")


def event(kind: str, name: str = "a", **rest: Any) -> Json:
    return {"type": kind, "object": {"metadata": {"name": name}, **rest}}


async def seen(cluster: KubernetesCluster, since: str = "7") -> list[tuple[str, str]]:
    async with asyncio.timeout(120):
        return [(kind, found["metadata"]["name"]) async for kind, found in cluster.watch(PODS, "shop", since)]


async def test_events_come_in_order_until_the_server_ends_the_stream(
    cluster: KubernetesCluster, api: ApiServer
) -> None:
    api.reply = stream(event("ADDED"), event("MODIFIED"), event("BOOKMARK", "b"), event("DELETED"))
    assert await seen(cluster) == [("ADDED", "a"), ("MODIFIED", "a"), ("BOOKMARK", "b"), ("DELETED", "a")]
    assert api.last.path == "/api/v1/namespaces/shop/pods"
    assert api.last.query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "timeoutSeconds": api.last.query["timeoutSeconds"],
    }
    assert 36 <= int(api.last.query["timeoutSeconds"]) <= 44


async def test_lines_split_anywhere_and_longer_than_any_buffer(cluster: KubernetesCluster, api: ApiServer) -> None:
    api.reply = stream(
        b'{"type": "ADDED", "obj', b'ect": {"metadata": {"name": "a"}}}\n', event("ADDED", "x" * 500_000)
    )
    assert [len(name) for _, name in await seen(cluster)] == [1, 500_000]


@pytest.mark.parametrize(
    "reply",
    [
        status(410, "too old resource version", "Expired"),
        stream({"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}),
    ],
    ids=["as answer", "as event"],
)
async def test_too_old_a_version_is_not_found(cluster: KubernetesCluster, api: ApiServer, reply: Any) -> None:
    api.reply = reply
    with pytest.raises(NotFound, match="too old") as got:
        await seen(cluster)
    assert got.value.status == 410


async def test_may_not_watch(cluster: KubernetesCluster, api: ApiServer) -> None:
    api.reply = status(403, "cannot watch pods")
    with pytest.raises(Forbidden, match="cannot watch pods"):
        await seen(cluster)


@pytest.mark.parametrize(
    "reply",
    [
        stream(event("ADDED"), end=reset),
        stream(b"no JSON\n"),
        stream({"type": "ADDED"}),
        stream({"type": "ADDED", "object": 5}),
        stream({"type": "ERROR", "object": {"code": "?"}}),
        reset,
        cut_off(200),
        status(503),
    ],
    ids=["breaks", "garbage", "no object", "object is a number", "error", "resets", "cut", "503"],
)
async def test_a_watch_that_goes_wrong_is_unavailable(cluster: KubernetesCluster, api: ApiServer, reply: Reply) -> None:
    api.reply = reply
    with pytest.raises(Unavailable):
        await seen(cluster)


@pytest.mark.parametrize("reply", [stream(event("ADDED"), end=hang), hang], ids=["after an event", "from the start"])
async def test_a_watch_that_falls_silent_is_unavailable(hasty: KubernetesCluster, api: ApiServer, reply: Reply) -> None:
    api.reply = reply
    with pytest.raises(Unavailable):
        await seen(hasty)
