"""The webhook: 200 means durable; every other answer tells Alertmanager truly whether to try again."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import socket
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from remediator import metrics
from remediator.config.settings import Web
from remediator.ports import JournalError
from remediator.server.webhook import Limits, limits_of

from .conftest import PAYLOAD, Site

URL = "/webhook/alertmanager"


async def inbox(site: Site) -> list[bytes]:
    return [receipt.body for receipt in await site.service.journal.waiting()]


class Stubborn:
    """A journal that fails at one method."""

    def __init__(self, inner: Any, method: str) -> None:
        self._inner, self._method = inner, method

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            return self._fail
        return getattr(self._inner, name)

    async def _fail(self, *_: Any) -> None:
        raise JournalError("the disk is full")


async def test_200_comes_after_the_payload_is_durable_and_the_controller_woken(site: Site) -> None:
    status, answer = await site.post(URL)
    assert (status, answer["alerts"]) == (200, 1)
    assert answer["skipped"] == ["alerts[1]: Expected `object`, got `int`"]
    assert await inbox(site) == [PAYLOAD], "exactly the bytes that came"
    assert site.service.woken == 1


async def test_the_answer_waits_for_the_journal(site: Site) -> None:
    may_go_on = asyncio.Event()
    inner = site.service.journal

    class Slow:
        backlog, waiting = inner.backlog, inner.waiting

        async def receive(self, source: str, body: bytes, at: datetime) -> int:
            await may_go_on.wait()
            return await inner.receive(source, body, at)

    site.service.journal = Slow()
    post = asyncio.create_task(site.post(URL))
    done, _ = await asyncio.wait([post], timeout=0.2)
    assert not done
    assert site.service.woken == 0
    may_go_on.set()
    assert (await post)[0] == 200


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "malformed payload: Input data was truncated"),
        (b"{not json", "malformed payload: JSON is malformed"),
        (b'{"version": "3"}', 'malformed payload: version "3" is not supported'),
        (b'{"alerts": []}', "malformed payload: no version"),
        (b"[" * 50_000, "malformed payload: "),
    ],
)
async def test_400_says_why_in_one_line_and_keeps_nothing(site: Site, body: bytes, why: str) -> None:
    status, answer = await site.post(URL, body)
    assert status == 400
    assert answer["error"].startswith(why)
    assert "\n" not in answer["error"]
    assert await inbox(site) == []
    assert site.service.woken == 0


class TestTooLarge:
    @pytest.fixture
    async def small(self, site: Site) -> Site:
        await site.restart(limits=Limits(body=1000, linger=0.1))
        return site

    async def test_at_the_limit_is_taken_and_a_byte_more_is_413(self, small: Site) -> None:
        whole = b'{"version": "4", "x": "' + b"y" * 975 + b'"}'
        assert len(whole) == 1000
        assert (await small.post(URL, whole))[0] == 200
        status, answer = await small.post(URL, whole + b" ")
        assert (status, answer["error"][:41]) == (413, "the payload is larger than 1000 bytes: gr")
        assert await inbox(small) == [whole]

    async def test_a_stream_without_length_is_cut_at_the_limit(self, small: Site) -> None:
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                yield b"x" * 500
                sent += 500
                await asyncio.sleep(0.001)

        async with asyncio.timeout(120):
            with contextlib.suppress(ConnectionError):  # the answer may be overtaken by the end of the connection
                assert (await small.post(URL, endless()))[0] == 413
        assert sent < 1_000_000
        assert await inbox(small) == []

    async def test_a_client_that_sends_it_all_before_it_listens_gets_its_answer(self, small: Site) -> None:
        """Answered at once, it would see the connection reset, and Alertmanager tries those again."""
        head = f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {8 << 20}\r\n\r\n"
        await small.restart(limits=Limits(body=1000, linger=10))

        def blocking() -> bytes:
            with socket.create_connection(("127.0.0.1", small.port)) as connection:
                connection.sendall(head.encode() + b"x" * (8 << 20))
                return connection.recv(100)

        assert (await asyncio.to_thread(blocking)).startswith(b"HTTP/1.1 413")

    async def test_a_client_that_asks_first_is_answered_first(self, small: Site) -> None:
        head = f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\nExpect: 100-continue\r\n\r\n"
        assert (await raw(small, head.encode())).startswith(b"HTTP/1.1 413")

    async def test_an_announced_length_is_refused_before_anything_is_read(self, small: Site) -> None:
        head = f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {1 << 40}\r\n\r\n"
        assert (await raw(small, head.encode())).startswith(b"HTTP/1.1 413")

    async def test_a_length_that_lies_upwards_waits_no_longer_than_the_deadline(self, site: Site) -> None:
        await site.restart(limits=Limits(seconds=0.2))
        head = f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(PAYLOAD) + 1}\r\n\r\n"
        answer = await raw(site, head.encode() + PAYLOAD)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"did not arrive within 0.2 s" in answer
        assert await inbox(site) == []

    async def test_a_length_that_lies_downwards_is_a_payload_that_is_cut(self, site: Site) -> None:
        head = f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(PAYLOAD) - 1}\r\n\r\n"
        assert (await raw(site, head.encode() + PAYLOAD)).startswith(b"HTTP/1.1 400")
        assert await inbox(site) == []


class TestNotNow:
    """503 with Retry-After: Alertmanager tries again, and nothing is lost."""

    async def refused(self, site: Site) -> str:
        async with site.client.post(f"http://127.0.0.1:{site.port}{URL}", data=PAYLOAD) as response:
            assert response.status == 503
            assert int(response.headers["Retry-After"]) > 0
            assert site.service.woken == 0
            return (await response.json())["error"]

    async def test_not_ready(self, site: Site) -> None:
        site.service.reason = "rules are being read"
        assert await self.refused(site) == "not ready: rules are being read"

    @pytest.mark.parametrize("method", ["receive", "backlog"])
    async def test_a_journal_that_cannot_be_used(self, site: Site, method: str) -> None:
        site.service.journal = Stubborn(site.service.journal, method)
        assert "the disk is full" in await self.refused(site)
        assert await inbox(site) == []

    async def test_a_full_inbox_by_count(self, site: Site) -> None:
        await site.restart(limits=Limits(waiting=2))
        assert [(await site.post(URL))[0] for _ in range(3)] == [200, 200, 503]
        assert len(await inbox(site)) == 2

    async def test_a_full_inbox_by_bytes(self, site: Site) -> None:
        await site.restart(limits=Limits(waiting_bytes=len(PAYLOAD) + 1))
        assert [(await site.post(URL))[0] for _ in range(3)] == [200, 200, 503]

    async def test_an_inbox_that_others_have_filled(self, site: Site) -> None:
        await site.restart(limits=Limits(waiting=1))
        await site.service.journal.receive("alertmanager", b"{}", site.service.clock.now())
        assert "1 payloads (2 bytes) wait" in await self.refused(site)

    async def test_too_many_bytes_at_once_and_room_again_afterwards(self, site: Site) -> None:
        await site.restart(limits=Limits(in_flight=150))
        sending = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield PAYLOAD[:70]
            await sending.wait()
            yield PAYLOAD[70:]

        first = asyncio.create_task(site.post(URL, slowly()))
        while (answer := await site.post(URL))[0] == 200:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # the first has not been read so far
        assert answer == (503, {"error": "too many payloads are being read at once"})
        sending.set()
        assert (await first)[0] == 200
        assert (await site.post(URL))[0] == 200


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(site: Site) -> None:
    await site.restart(limits=Limits(in_flight=200))
    for _ in range(5):
        _, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n".encode() + b"x" * 150)
        await writer.drain()
        writer.transport.abort()
    async with asyncio.timeout(120):  # what the lost ones had read is given back
        while (await site.post(URL))[0] != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await inbox(site) == [PAYLOAD]


async def test_five_thousand_alerts_in_one_group(site: Site) -> None:
    alert = {"status": "firing", "labels": {"alertname": "a", "pod": "p" * 50}, "annotations": {"d": "x" * 900}}
    body = json.dumps({"version": "4", "alerts": [alert] * 5000}).encode()
    await site.restart(limits=limits_of(Web(max_request_bytes=16 << 20)))
    status, answer = await site.post(URL, io.BytesIO(body))
    assert (status, answer["alerts"]) == (200, 5000)


async def test_many_at_once_are_all_kept(site: Site) -> None:
    statuses = await asyncio.gather(*(site.post(URL) for _ in range(300)))
    assert {status for status, _ in statuses} == {200}
    assert (await site.service.journal.backlog())[0] == 300


async def test_only_post(site: Site) -> None:
    status, answer = await site.get(URL)
    assert status == 405
    assert "docs/http.md" in answer["error"]


async def test_requests_are_counted_by_code(site: Site) -> None:
    def counted(code: str) -> float:
        return metrics.REGISTRY.get_sample_value("remediator_webhook_requests_total", {"code": code}) or 0.0

    before = counted("200"), counted("400")
    await site.post(URL)
    await site.post(URL, b"{")
    assert (counted("200"), counted("400")) == (before[0] + 1, before[1] + 1)


async def raw(site: Site, data: bytes) -> bytes:
    """The answer to bytes as they are."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(data)
    async with asyncio.timeout(120):
        answer = await reader.read(100_000)
    writer.close()
    return answer
