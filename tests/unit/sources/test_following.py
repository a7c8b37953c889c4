"""Objects followed over real HTTP while the server, the network and the credentials fail: nothing is missed, nothing
is said twice, and nothing that is there is said to be gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from remediator.clients.credentials import InCluster
from remediator.clients.kubernetes import KubernetesCluster
from remediator.clients.transport import Timeouts, Transport
from remediator.clock import SystemClock
from remediator.core.kinds import resource
from remediator.core.model import Json
from remediator.sources.forms import Form
from remediator.sources.reflector import Changes, Reflector, Scope
from tests.unit.clients.api_server import ApiServer, Connection, answer, hang, running, status, stream
from tests.unit.clients.certificates import Authority

EXPIRED = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}


class Shop:
    """An API server with Deployments, who accepts one token; `faults` are what befalls requests, the next one first.

    A fault is the kind of request that it befalls (`list`, `next` for a further page, `watch`) and a reply.
    """

    def __init__(self, api: ApiServer, token: str) -> None:
        self.api, self.token = api, token
        self.faults: list[tuple[str, Callable[[Connection], Any]]] = []
        self.befallen: list[str] = []
        self.version = 1
        self.objects: dict[str, Json] = {}
        self.events: list[Json] = []
        self.news = asyncio.Event()
        api.reply = self.reply

    def was_asked(self, times: int) -> bool:
        return len(self.api.seen) >= times

    def put(self, name: str, kind: str = "ADDED") -> None:
        self.version += 1
        obj = {"metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": str(self.version)}}
        self.objects[name] = obj
        if kind == "DELETED":
            del self.objects[name]
        self.events.append({"type": kind, "object": obj})
        self.news.set()

    async def reply(self, connection: Connection) -> None:
        seen = self.api.last
        if seen.headers.get("authorization") != f"Bearer {self.token}":
            await status(401, "Unauthorized")(connection)
            return
        kind = "watch" if "watch" in seen.query else "next" if "continue" in seen.query else "list"
        fault = next((each for each in self.faults if each[0] == kind), None)
        if fault is not None:
            self.faults.remove(fault)
            self.befallen.append(kind)
            await fault[1](connection)
        elif kind == "watch":
            await self.watched(connection, int(seen.query["resourceVersion"]))
        else:
            await self.listed(connection, seen.query)

    async def listed(self, connection: Connection, query: dict[str, str]) -> None:
        """A page of one object after another; the token of the next one is its place."""
        names, begin = sorted(self.objects), int(query.get("continue", "0"))
        end = begin + int(query["limit"])
        meta = {"resourceVersion": str(self.version)} | ({"continue": str(end)} if end < len(names) else {})
        await answer(content={"metadata": meta, "items": [self.objects[name] for name in names[begin:end]]})(connection)

    async def watched(self, connection: Connection, since: int) -> None:
        """What happened after a version and then happens, a second long."""

        async def go_on(connection: Connection) -> None:
            sent = since
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    while True:
                        self.news.clear()
                        for event in self.events:
                            if (version := int(event["object"]["metadata"]["resourceVersion"])) > sent:
                                sent = version
                                await connection.send(chunk(event))
                        await self.news.wait()
            await connection.send(b"0\r\n\r\n")

        await stream(end=go_on)(connection)


def chunk(event: Json, cut: int | None = None) -> bytes:
    line = (json.dumps(event).encode() + b"\n")[:cut]
    return b"%x\r\n%s\r\n" % (len(line), line)


class Follower:
    """Follows the Deployments of a shop with the mounted credentials of a Pod; `known` is what it was told of."""

    def __init__(self, shop: Shop, mount: Path) -> None:
        self.known: dict[str, str] = {}
        self.told: list[str] = []
        self._news = asyncio.Condition()
        port = shop.api.url.rpartition(":")[2]
        environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": port}
        transport = Transport(InCluster(mount, environ), Timeouts(connect=60, request=60))
        self.cluster = KubernetesCluster(transport, watch_seconds=1, watch_silence=0.5, page_size=1)
        deployments, clock = resource("Deployment"), SystemClock()
        form = Form(deployments, [("spec", "paused")])
        self.reflector = Reflector(self.cluster, clock, Scope(deployments), form, self._take, lambda: 0.0)

    async def _take(self, changes: Changes) -> None:
        async with self._news:
            for who, _ in changes.changed:
                self.known[who.name] = who.version
                self.told.append(f"+{who.name}")
            for _, name in changes.gone:
                self.known.pop(name, None)
                self.told.append(f"-{name}")
            self._news.notify_all()

    async def until(self, *names: str) -> None:
        """Wait until exactly these are known."""
        async with asyncio.timeout(120), self._news:
            await self._news.wait_for(lambda: set(self.known) == set(names))


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait for what nobody tells."""
    for _ in range(2400):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise TimeoutError


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    authority = Authority()
    (tmp_path / "mount").mkdir()
    (tmp_path / "mount" / "token").write_text("first")
    (tmp_path / "mount" / "ca.crt").write_text(authority.pem)
    async with running(authority.server(tmp_path)) as api:
        shop = Shop(api, "first")
        for name in ("a", "b", "c"):
            shop.put(name)
        yield shop


@pytest.fixture
async def follower(shop: Shop, tmp_path: Path) -> AsyncIterator[Follower]:
    follower = Follower(shop, tmp_path / "mount")
    task = asyncio.create_task(follower.reflector.run())
    yield follower
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await follower.cluster.close()


async def mute(connection: Connection) -> None:
    """A watch that begins and then hangs."""
    await stream(end=hang)(connection)


async def torn(connection: Connection) -> None:
    """A watch that breaks in the middle of an event."""
    event = {"type": "DELETED", "object": {"metadata": {"name": "a", "namespace": "shop", "resourceVersion": "99"}}}

    async def tear(connection: Connection) -> None:
        await connection.send(chunk(event, cut=-20))
        connection.reset()

    await stream(end=tear)(connection)


FAULTS = {
    "a watch that hangs": [("watch", mute)],
    "a watch that breaks in the middle of an event": [("watch", torn)],
    "a watch whose version is too old": [("watch", stream({"type": "ERROR", "object": EXPIRED}))],
    "a watch that is refused for its version": [("watch", answer(410, EXPIRED))],
    "a list whose continue token has expired": [("next", answer(410, EXPIRED))],
    "a list that breaks off after its first page": [("next", status(500, "etcdserver: leader changed"))],
    "a server that is asked too much": [("list", status(429, "slow down")), ("watch", status(429, "slow down"))],
    "one thing after another": [
        ("next", answer(410, EXPIRED)),
        ("watch", torn),
        ("watch", stream({"type": "ERROR", "object": EXPIRED})),
    ],
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_through_all_that_fails_what_is_known_is_what_is_there(
    fault: str, shop: Shop, follower: Follower
) -> None:
    shop.faults = list(FAULTS[fault])
    await follower.until("a", "b", "c")
    shop.put("d")
    await follower.until("a", "b", "c", "d")
    shop.put("a", "DELETED")
    await follower.until("b", "c", "d")
    await eventually(lambda: not shop.faults)
    shop.put("e")
    await follower.until("b", "c", "d", "e")
    assert sorted(follower.told) == sorted(["+a", "+b", "+c", "+d", "-a", "+e"]), "each change is said once"
    assert sorted(shop.befallen) == sorted(kind for kind, _ in FAULTS[fault])


async def test_a_token_that_is_rotated_and_expires_at_once_is_not_even_noticed(
    shop: Shop, follower: Follower, tmp_path: Path
) -> None:
    """As the kubelet does it: the file is replaced, and the server knows the new one alone."""
    await follower.until("a", "b", "c")
    for token in ("second", "third"):
        (tmp_path / "mount" / "next").write_text(token)
        (tmp_path / "mount" / "next").replace(tmp_path / "mount" / "token")
        shop.token = token
        shop.put(f"after-{token}")
        seen = len(shop.api.seen) + 2
        await eventually(partial(shop.was_asked, seen))  # the refused watch, and the one with the new token
    await follower.until("a", "b", "c", "after-second", "after-third")
    assert follower.reflector.problem == ""


async def test_a_token_that_expires_before_the_next_is_there_makes_the_cache_old_until_it_is(
    shop: Shop, follower: Follower, tmp_path: Path
) -> None:
    await follower.until("a", "b", "c")
    shop.token = "second"
    await eventually(lambda: "Unauthorized" in follower.reflector.problem)
    shop.put("d")
    assert "d" not in follower.known
    (tmp_path / "mount" / "token").write_text("second")
    await follower.until("a", "b", "c", "d")
    assert follower.told == ["+a", "+b", "+c", "+d"]
