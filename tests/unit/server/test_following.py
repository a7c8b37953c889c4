"""Followers of the journal: each line once, from where they left off, and none that holds up the end."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from remediator.core.events import Event, Source
from remediator.server.following import MOST_FOLLOWERS
from tests.unit.server.conftest import Site

PATH = "/api/v1/journal/follow"
AT = datetime(2026, 11, 23, tzinfo=UTC)


async def say(site: Site, count: int, after: int) -> None:
    events = [Event(AT, Source("prometheus", up=True, reason=f"\x1b[31m\r\n\r\ndata: {n}")) for n in range(count)]
    await site.service.journal.append(events, after=after)


class Follower:
    """One stream of events."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def events(self, count: int) -> list[dict[str, Any]]:
        """So many events, comments left out."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(120):
            while len(found) < count:
                block = (await self.response.content.readuntil(b"\n\n")).decode()
                fields = dict(line.split(": ", 1) for line in block.strip().split("\n"))
                if "id" in fields:
                    assert sorted(fields) == ["data", "event", "id"]
                    found.append(fields | {"line": json.loads(fields["data"])})
        return found


async def follow(site: Site, query: str = "", **headers: str) -> Follower:
    response = await site.client.get(f"http://127.0.0.1:{site.port}{PATH}{query}", headers=headers)
    assert (response.status, response.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    return Follower(response)


@pytest.mark.parametrize(
    ("query", "headers", "first"),
    [("?after=0", {}, 1), ("", {"Last-Event-ID": "2"}, 3), ("?after=1", {"Last-Event-ID": "2"}, 3)],
)
async def test_it_goes_on_where_the_follower_left_off(site: Site, query, headers, first: int) -> None:
    await say(site, 3, 0)
    follower = await follow(site, query, **headers)
    await say(site, 2, 3)
    seen = await follower.events(6 - first)
    assert [each["id"] for each in seen] == [str(number) for number in range(first, 6)]
    assert [each["line"] for each in seen] == list(await site.service.journal.lines(after=first - 1))
    assert {each["event"] for each in seen} == {"source"}


async def test_without_a_place_it_begins_with_what_comes_next(site: Site) -> None:
    await say(site, 3, 0)
    follower = await follow(site)
    await say(site, 1, 3)
    assert [each["id"] for each in await follower.events(1)] == ["4"]


async def test_the_end_of_the_service_lets_followers_go_before_the_grace(site: Site) -> None:
    follower = await follow(site, "?after=0")
    await site.stop()
    async with asyncio.timeout(120):
        assert b"retry" in await follower.response.content.read()
    assert follower.response.content.exception() is None, "it ended in order"
    await site.restart()


async def test_a_journal_that_fails_ends_the_stream(site: Site) -> None:
    await say(site, 1, 0)
    follower = await follow(site, "?after=1")
    await say(site, 1, 1)
    await site.service.journal.close()
    async with asyncio.timeout(120):
        await follower.response.content.read()


async def test_only_so_many_may_follow(site: Site) -> None:
    followers = [await follow(site) for _ in range(MOST_FOLLOWERS)]
    assert (await site.get(PATH))[0] == 503
    for each in followers:
        each.response.close()
    for _ in range(600):
        response = await site.client.get(f"http://127.0.0.1:{site.port}{PATH}")
        response.close()
        if response.status == 200:
            return
        await asyncio.sleep(0.2)
    pytest.fail("those that left still count")


@pytest.mark.parametrize("headers", [{"Last-Event-ID": "x"}, {"Last-Event-ID": "-1"}, {"Last-Event-ID": "9" * 19}])
async def test_what_is_no_place_is_told(site: Site, headers: dict[str, str]) -> None:
    assert (await site.get(PATH, **headers))[0] == 400
