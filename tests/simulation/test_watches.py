"""Watch streams: live events, bookmarks, closing, and a history that does not reach back."""

from __future__ import annotations

import asyncio

import pytest

from remediator.core.kinds import KINDS
from remediator.ports import NotFound
from remediator.simulation import objects
from tests.simulation.worlds import SHOP, merge, world


async def test_events_arrive_as_they_happen():
    w = world()
    stream = w.cluster("me").watch(KINDS["Deployment"], SHOP)
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    assert not first.done()
    w.create(objects.deployment("web", SHOP, replicas=0))
    assert (await first)[0] == "ADDED"
    w.settle()
    kind, obj = await anext(stream)
    assert kind == "MODIFIED"
    obj["metadata"]["name"] = "spoilt"
    assert w.store.get("Deployment", SHOP, "web") is not None


async def test_other_namespaces_and_kinds_are_not_seen():
    w = world()
    since = str(w.store.revision)
    w.create(objects.pod("x", SHOP), objects.deployment("elsewhere", "default"), objects.deployment("web", SHOP))
    kind, obj = await anext(w.cluster("me").watch(KINDS["Deployment"], SHOP, since))
    assert (kind, obj["metadata"]["name"]) == ("ADDED", "web")


async def test_a_bookmark_comes_every_minute_with_the_present_revision():
    w = world()
    stream = w.cluster("me").watch(KINDS["Deployment"], SHOP, str(w.store.revision))
    event = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    w.create(objects.pod("x", SHOP))
    w.advance(60)
    kind, obj = await event
    assert kind == "BOOKMARK"
    assert obj["metadata"]["resourceVersion"] == str(w.store.revision)


async def test_the_server_may_close_a_stream_without_an_error():
    w = world()
    stream = w.cluster("me").watch(KINDS["Deployment"], SHOP)
    event = asyncio.ensure_future(anext(stream, None))
    await asyncio.sleep(0)
    w.watches.close()
    assert await event is None


@pytest.mark.parametrize("how", ["compacted", "overflowed"])
async def test_a_version_before_the_history_is_gone(how: str):
    w = world(history=20)
    since = str(w.store.revision)
    w.create(objects.pod("x", SHOP))
    w.settle()
    if how == "compacted":
        w.store.compact()
    for number in range(25 if how == "overflowed" else 0):
        merge(w, "Namespace", SHOP, {"metadata": {"annotations": {"n": str(number)}}})
    with pytest.raises(NotFound) as error:
        await anext(w.cluster("me").watch(KINDS["Deployment"], SHOP, since))
    assert (error.value.status, error.value.reason) == (410, "Expired")
