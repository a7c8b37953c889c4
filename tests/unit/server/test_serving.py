"""The server itself: where it listens, how it ends, and what it does to clients that do not play by the rules."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from remediator.server.protocol import HEAD_BYTES
from remediator.server.run import ListenError, serve


class Slow:
    """An application whose one answer waits."""

    def __init__(self) -> None:
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()
        self.app = Starlette(routes=[Route("/", self.answer)])

    async def answer(self, _: Request) -> PlainTextResponse:
        self.asked.set()
        await self.may_answer.wait()
        return PlainTextResponse("done")


async def exchange(port: int, data: bytes) -> bytes:
    """What comes back until the server ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        async with asyncio.timeout(120):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:0", ":0", "0.0.0.0:0"])
async def test_port_0_is_a_free_port_that_is_told(listen: str) -> None:
    slow = Slow()
    slow.may_answer.set()
    serving = await serve(slow.app, listen)
    assert serving.port > 0
    assert serving.url.endswith(f":{serving.port}")
    assert b"done" in await exchange(serving.port, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    await serving.stop()


@pytest.mark.parametrize(
    "listen", ["", "8080", "localhost", "a:b", "::1", "::1:80", "[::1]", "1.2.3.4:99999", "no-such-host.invalid:80"]
)
async def test_an_address_that_is_none_is_told(listen: str) -> None:
    with pytest.raises(ListenError, match="cannot listen on"):
        await serve(Starlette(), listen)


async def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ListenError, match="already in use; name"):
        await serve(Starlette(), f"127.0.0.1:{taken.getsockname()[1]}")


async def test_signals_are_left_to_the_program() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    serving = await serve(Starlette(), "127.0.0.1:0")
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    await serving.stop()


async def test_stopping_lets_a_request_finish_and_takes_no_more() -> None:
    slow = Slow()
    serving = await serve(slow.app, "127.0.0.1:0", grace=120)
    answer = asyncio.create_task(exchange(serving.port, GET))
    await slow.asked.wait()
    stopping = asyncio.create_task(serving.stop())
    await asyncio.sleep(0.3)
    assert not stopping.done()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", serving.port)
    slow.may_answer.set()
    await stopping
    assert b"done" in await answer


async def test_stopping_ends_what_does_not_finish_within_the_grace() -> None:
    slow = Slow()
    serving = await serve(slow.app, "127.0.0.1:0", grace=1)
    answer = asyncio.create_task(exchange(serving.port, GET))
    await slow.asked.wait()
    await serving.stop()
    assert b"done" not in await answer


class TestUnruly:
    @pytest.fixture
    async def port(self) -> AsyncIterator[int]:
        async for port in self.served(60.0):
            yield port

    @pytest.fixture
    async def hasty_port(self) -> AsyncIterator[int]:
        async for port in self.served(0.2):
            yield port

    async def served(self, head_seconds: float) -> AsyncIterator[int]:
        slow = Slow()
        slow.may_answer.set()
        serving = await serve(slow.app, "127.0.0.1:0", grace=1, head_seconds=head_seconds)
        yield serving.port
        await serving.stop()

    @pytest.mark.parametrize("sent", [b"", b"GET / HT", GET[:-2], GET + b"GET / HTTP/1.1\r\nX-Half: "])
    async def test_a_head_that_does_not_end_ends_the_connection(self, hasty_port: int, sent: bytes) -> None:
        answer = await exchange(hasty_port, sent)
        assert answer.count(b"done") <= sent.count(b"localhost\r\n\r\n")

    async def test_a_head_that_drips_ends_too(self, hasty_port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", hasty_port)

        async def drip() -> None:
            for byte in b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 10_000:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(120):
                assert await reader.read() == b""
        dripping.cancel()
        writer.close()

    async def test_a_head_without_end_is_cut_off(self, port: int) -> None:
        answer = await exchange(port, b"GET / HTTP/1.1\r\n" + b"X-Many: yes\r\n" * HEAD_BYTES)
        assert b"done" not in answer

    @pytest.mark.parametrize(
        "sent", [b"\x16\x03\x01\x00\xa5 tls?\r\n\r\n", b"GET\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
    )
    async def test_what_is_no_http_is_400(self, port: int, sent: bytes) -> None:
        assert (await exchange(port, sent)).startswith(b"HTTP/1.1 400")

    async def test_two_lengths_are_not_believed(self, port: int) -> None:
        both = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        assert (await exchange(port, both)).startswith(b"HTTP/1.1 400")


async def test_one_address_leaves_room_for_others() -> None:
    slow = Slow()
    slow.may_answer.set()
    serving = await serve(slow.app, "127.0.0.1:0", per_address=3)
    held = [await asyncio.open_connection("127.0.0.1", serving.port) for _ in range(3)]
    for _, writer in held:
        writer.write(GET)
    for reader, _ in held:
        assert b"done" in await reader.readuntil(b"done")
    assert await exchange(serving.port, GET) == b"", "one too many"
    for _, writer in held:
        writer.close()
        await writer.wait_closed()
    for _ in range(600):  # until the server has seen that they are gone
        if b"done" in await exchange(serving.port, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")):
            break
        await asyncio.sleep(0.2)
    else:
        pytest.fail("there is no room though all are gone")
    await serving.stop()
