"""HTTP/1.1 as servers and proxies really speak it: over real sockets, whole and in pieces, well and badly."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from remediator.clients.address import address
from remediator.clients.arriving import AHEAD, MOST_HEAD, Lost, NeverSent
from remediator.clients.connecting import Way, connected
from remediator.clients.connections import Connections
from remediator.clients.http import Answered, Asked, Http
from remediator.clients.wire import Wire

from .api_server import ApiServer, Connection, Reply, answer, hang, reset, running, then
from .certificates import Authority

MOST = 1 << 20


def raw(data: bytes, *more: bytes, ends: bool = False) -> Reply:
    """An answer just so, in pieces."""

    async def reply(connection: Connection) -> None:
        for piece in (data, *more):
            await connection.send(piece)
            await asyncio.sleep(0.01)
        if ends:
            connection.end()

    return reply


def asked(url: str, method: str = "GET", body: bytes = b"", headers: dict[str, str] | None = None) -> Asked:
    there = address(url)
    return Asked(Way(there.host, there.port), method, there, headers or {}, body, 60.0, 30.0, MOST)


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    client = Http(4)
    yield client
    await client.aclose()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), b"hi"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 2\r\n\r\nh", b"i"), b"hi"),
        (raw(CHUNKED + b"2\r\nhi\r\n", b"5\r\n, you", b"\r\n0\r\n\r\n"), b"hi, you"),
        (raw(CHUNKED + b"2\r\nhi\r\n0\r\nX-Trailer: x\r\n\r\n"), b"hi"),
        (raw(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), b"hi"),
        (raw(b"HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), b"hi"),
        (raw(b"HTTP/1.0 200 OK\r\n\r\nhi", b" there", ends=True), b"hi there"),
        (raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi", ends=True), b"hi"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), b""),
        (answer(200, gzip.compress(b"hi" * 9999), Content_Encoding="gzip"), b"hi" * 9999),
        (answer(200, gzip.compress(b"hi") + gzip.compress(b" there"), Content_Encoding="gzip"), b"hi there"),
    ],
)
async def test_an_answer_is_read_as_http_has_it(http: Http, api: ApiServer, reply: Reply, body: bytes) -> None:
    api.reply = reply
    for _ in range(2):
        assert (await http.ask(asked(api.url)))[::2] == (200, body)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", ends=True), "closed the connection"),
        (raw(CHUNKED + b"2\r\nhi\r\n", ends=True), "closed the connection"),
        (raw(CHUNKED + b"zz\r\nhi\r\n"), "no HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nhi"), "no HTTP"),
        (raw(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"), "no HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * MOST_HEAD + b"\r\nContent-Length: 0\r\n\r\n"), "head is larger"),
        (raw(b"HTTP/1.1 200 OK\r\nX: ", *[b"x" * 9000] * 9), "head is larger"),
        (answer(200, gzip.compress(b"hi" * 9999)[:-9], Content_Encoding="gzip"), "compressed body is not whole"),
        (answer(200, b"hi", Content_Encoding="br"), "encoded as 'br'"),
    ],
)
async def test_what_is_no_whole_answer_is_lost(http: Http, api: ApiServer, reply: Reply, says: str) -> None:
    api.reply = reply
    with pytest.raises(Lost, match=says):
        await http.ask(asked(api.url, "POST"))
    api.reply = answer(200, b"well")
    assert (await http.ask(asked(api.url))).body == b"well"


async def test_a_bomb_is_read_no_further_than_any_other_answer(http: Http, api: ApiServer) -> None:
    api.reply = answer(200, gzip.compress(bytes(100 * MOST)), Content_Encoding="gzip")
    answered = await http.ask(asked(api.url))
    assert (len(answered.body), answered.cut) == (MOST, True)


class TestKept:
    async def test_one_connection_serves_one_request_after_the_other(self, http: Http, api: ApiServer) -> None:
        for _ in range(5):
            await http.ask(asked(api.url))
        assert len({seen.peer for seen in api.seen}) == 1

    @pytest.mark.parametrize("said", [{"Connection": "close"}, {"Connection": "Close"}])
    async def test_not_where_the_server_ends_it(self, http: Http, api: ApiServer, said: dict[str, str]) -> None:
        api.reply = answer(200, b"", **said)
        for _ in range(3):
            await http.ask(asked(api.url))
        assert len({seen.peer for seen in api.seen}) == 3

    async def test_there_are_only_so_many_at_once(self, http: Http, api: ApiServer) -> None:
        under_way = most = 0

        async def reply(connection: Connection) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.02)
            under_way -= 1
            await answer()(connection)

        api.reply = reply
        await asyncio.gather(*(http.ask(asked(api.url)) for _ in range(12)))
        assert (most, len(api.seen), len({seen.peer for seen in api.seen})) == (4, 12, 4)

    @pytest.mark.parametrize(("method", "seen"), [("GET", 3), ("DELETE", 2), ("POST", 2)])
    async def test_one_that_breaks_is_replaced_for_a_get_alone(
        self, http: Http, api: ApiServer, method: str, seen: int
    ) -> None:
        await http.ask(asked(api.url))
        api.reply = then(reset, answer(200, b"again"))
        with contextlib.suppress(Lost):
            await http.ask(asked(api.url, method))
        assert len(api.seen) == seen

    async def test_a_get_is_not_tried_a_third_time(self, http: Http, api: ApiServer) -> None:
        await http.ask(asked(api.url))
        api.reply = reset
        with pytest.raises(Lost):
            await http.ask(asked(api.url))
        assert len(api.seen) == 3

    async def test_who_is_cancelled_leaves_no_answer_for_the_next(self, http: Http, api: ApiServer) -> None:
        heard = asyncio.Event()

        async def slow(connection: Connection) -> None:
            heard.set()
            await asyncio.sleep(0.05)
            with contextlib.suppress(ConnectionError):
                await answer(200, b"of the first")(connection)

        api.reply = then(slow, answer(200, b"of the second"))
        first = asyncio.create_task(http.ask(asked(api.url)))
        await heard.wait()
        first.cancel()
        assert (await http.ask(asked(api.url))).body == b"of the second"

    async def test_there_are_none_after_the_client_is_closed(self, http: Http, api: ApiServer) -> None:
        """Nobody would end it: whoever is cancelled while the process stops may still ask for something."""
        await http.ask(asked(api.url))
        await http.aclose()
        with pytest.raises(NeverSent, match="closed"):
            await http.ask(asked(api.url))
        with pytest.raises(NeverSent, match="closed"):
            async with http.flow(asked(api.url), 1.0):
                pass
        assert len(api.seen) == 1

    async def test_whoever_waits_for_one_while_the_client_is_closed_gets_none(self, http: Http, api: ApiServer) -> None:
        heard = asyncio.Event()

        async def silent(connection: Connection) -> None:
            heard.set()
            await hang(connection)

        api.reply = silent
        first = asyncio.create_task(http.ask(asked(api.url)))
        await heard.wait()
        others = [asyncio.create_task(http.ask(asked(api.url))) for _ in range(6)]  # some connect, some wait for room
        await asyncio.sleep(0)
        await http.aclose()
        first.cancel()
        outcomes = await asyncio.gather(*others, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {NeverSent}
        assert len(api.seen) == 1

    async def test_one_that_comes_about_slowly_is_not_forgotten_while_the_idle_are_ended(
        self, http: Http, api: ApiServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody would end it then, and a second one of its way would be made beside it."""
        made: list[Wire] = []

        async def slowly(way: Way) -> Wire:
            await asyncio.sleep(0.1)
            made.append(await connected(way))
            return made[-1]

        monkeypatch.setattr("remediator.clients.connections.connected", slowly)
        monkeypatch.setattr("remediator.clients.http.KEPT_SECONDS", 0.02)
        first = asyncio.create_task(http.ask(asked(api.url)))
        await asyncio.sleep(0.05)
        monkeypatch.setattr("remediator.clients.http.KEPT_SECONDS", 60.0)
        await first
        await http.ask(asked(api.url))
        assert len(made) == 1
        await http.aclose()
        assert not made[0].is_free

    async def test_a_way_that_leads_nowhere_is_forgotten(self) -> None:
        nowhere = Connections(Way("127.0.0.1", 1), 4)
        with pytest.raises(NeverSent):
            await nowhere.take(30.0)
        assert not nowhere.sweep()

    async def test_bytes_that_nobody_asked_for_end_it(self, http: Http, api: ApiServer) -> None:
        whole = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
        api.reply = then(raw(whole + b"a", whole + b"x"), answer(200, b"b"))
        assert (await http.ask(asked(api.url))).body == b"a"
        await asyncio.sleep(0.1)
        assert (await http.ask(asked(api.url))).body == b"b"


class TestRequests:
    async def test_a_value_begins_no_header_of_its_own(self, http: Http, api: ApiServer) -> None:
        await http.ask(asked(api.url, headers={"X-Key": "one\r\nX-Other: two\0"}))
        assert api.last.headers["x-key"] == "oneX-Other: two"
        assert "x-other" not in api.last.headers

    async def test_the_name_and_password_of_an_address(self, http: Http, api: ApiServer) -> None:
        url = api.url.replace("http://", "http://me:s%40cret@")
        await http.ask(asked(url))
        assert base64.b64decode(api.last.headers["authorization"].removeprefix("Basic ")) == b"me:s@cret"
        await http.ask(asked(url, headers={"Authorization": "Bearer t"}))
        assert api.last.headers["authorization"] == "Bearer t"

    @pytest.mark.parametrize(
        ("path", "seen"),
        [("", "/"), ("/a b/ü", "/a%20b/%C3%BC"), ("/a%2Fb", "/a%2Fb"), ("?q=1#x", "/?q=1")],
    )
    async def test_an_address_is_sent_as_it_may_be(self, http: Http, api: ApiServer, path: str, seen: str) -> None:
        await http.ask(asked(api.url + path))
        assert api.last.target == seen

    @pytest.mark.parametrize(
        ("url", "authority"),
        [
            ("http://prometheus:9090/x", "prometheus:9090"),
            ("http://prometheus/x", "prometheus"),
            ("https://prometheus:443", "prometheus"),
            ("http://[::1]:9090", "[::1]:9090"),
            ("https://bücher.example", "xn--bcher-kva.example"),
        ],
    )
    def test_whose_address_it_is(self, url: str, authority: str) -> None:
        assert address(url).authority == authority

    async def test_nobody_there_was_sent_nothing(self, http: Http) -> None:
        with pytest.raises(NeverSent, match=r"cannot connect to 127\.0\.0\.1:1"):
            await http.ask(asked("http://127.0.0.1:1", "POST"))


class TestFlow:
    async def test_a_server_waits_for_a_reader_who_is_slow(self, http: Http, api: ApiServer) -> None:
        """Else what is not read yet would be in memory, all of it."""
        sent, part, parts = 0, bytes(AHEAD), 64

        async def reply(connection: Connection) -> None:
            nonlocal sent
            await connection.send(CHUNKED)
            for _ in range(parts):
                await connection.send(b"%x\r\n%s\r\n" % (len(part), part))
                sent += 1
            await connection.send(b"0\r\n\r\n")

        api.reply = reply
        request = asked(api.url)._replace(most=16 * AHEAD)
        async with http.flow(request, silence=60) as flow:
            await asyncio.sleep(0.5)
            held_up_at, read = sent, 0
            async for some in flow.parts():
                read += len(some)
        assert held_up_at < parts // 2
        assert read == parts * AHEAD

    async def test_each_part_may_be_compressed_by_itself(self, http: Http, api: ApiServer) -> None:
        """As the API server does it in a watch that begins with what is there; a part may end within a member."""
        members = [gzip.compress(each) for each in (b"one", b"two", b"three")]
        parts = [members[0], members[1][:5], members[1][5:] + members[2][:-4], members[2][-4:]]
        chunks = [b"%x\r\n%s\r\n" % (len(each), each) for each in parts]
        api.reply = raw(CHUNKED[:-2] + b"Content-Encoding: gzip\r\n\r\n", *chunks, b"0\r\n\r\n")
        async with http.flow(asked(api.url), silence=60) as flow:
            assert b"".join([part async for part in flow.parts()]) == b"onetwothree"

    async def test_silence_ends_it(self, http: Http, api: ApiServer) -> None:
        api.reply = raw(CHUNKED + b"2\r\nhi\r\n")
        async with http.flow(asked(api.url), silence=0.2) as flow:
            parts = flow.parts()
            assert await anext(parts) == b"hi"
            with pytest.raises(Lost, match="not a byte"):
                await anext(parts)


class Proxy:
    """Answers CONNECT as told, and passes on what comes behind it."""

    def __init__(self, says: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.says, self.tls, self.heads, self.url = says, tls, list[bytes](), ""

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        scheme = "https" if self.tls else "http"
        self.url = f"{scheme}://me:pw@127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.says)
        if b" 200 " in self.says:
            host, _, port = self.heads[-1].split(b" ")[1].decode().rpartition(":")
            there, back = await asyncio.open_connection(host, int(port))
            await asyncio.gather(_pass(reader, back), _pass(there, writer), return_exceptions=True)
            back.close()
        writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
    writer.close()


Through = Callable[[Proxy], Awaitable[Answered]]


class TestTunnels:
    """A proxy on the way to a TLS server sees neither what is asked nor who asks."""

    @pytest.fixture
    async def through(self, http: Http, tmp_path: Path) -> AsyncIterator[Through]:
        authority = Authority()
        async with running(authority.server(tmp_path)) as server:
            trusted = ssl.create_default_context(cadata=authority.pem)
            trusted.verify_flags &= ~ssl.VERIFY_X509_STRICT

            async def ask(proxy: Proxy) -> Answered:
                request = asked(f"{server.url}/x", headers={"Authorization": "Bearer t"})
                way = request.way._replace(tls=trusted, proxy=address(proxy.url))
                return await http.ask(request._replace(way=way))

            yield ask

    async def test_the_proxy_hears_whereto_and_its_own_password(self, through: Through) -> None:
        async with Proxy(b"HTTP/1.1 200 Connection established\r\n\r\n") as proxy:
            assert (await through(proxy)).status == 200
            assert (await through(proxy)).status == 200
        (head,) = proxy.heads
        assert head.startswith(b"CONNECT 127.0.0.1:")
        assert b"Proxy-Authorization: Basic " + base64.b64encode(b"me:pw") in head
        assert b"Bearer" not in head

    @pytest.mark.parametrize(
        ("says", "told"),
        [
            (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "the proxy answers 407"),
            (b"SSH-2.0-OpenSSH\r\n\r\n", "the proxy answers"),
            (b"", "the proxy closed the connection"),
        ],
    )
    async def test_a_proxy_that_refuses_was_sent_nothing(self, through: Through, says: bytes, told: str) -> None:
        async with Proxy(says) as proxy:
            with pytest.raises(NeverSent, match=told):
                await through(proxy)


def test_whoever_gives_up_in_the_middle_of_tls_leaves_no_socket_under_a_connection(tmp_path: Path) -> None:
    """At whatever step: the number of a socket that was closed under a connection would be the next one's."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(given_up_at_any_step(tmp_path))


async def given_up_at_any_step(tmp_path: Path) -> None:
    authority, loop = Authority(), asyncio.get_running_loop()
    trusted = ssl.create_default_context(cadata=authority.pem)
    trusted.verify_flags &= ~ssl.VERIFY_X509_STRICT
    async with running(authority.server(tmp_path)) as server:
        there = address(server.url)
        for steps in range(30):
            known = set(loop._transports.values())  # that the connection stands is told by no interface
            opening = asyncio.ensure_future(connected(Way(there.host, there.port, trusted)))
            while not opening.done() and set(loop._transports.values()) <= known:  # noqa: ASYNC110
                await asyncio.sleep(0)
            for _ in range(steps):
                await asyncio.sleep(0)
            opening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                (await opening).close()
            with socket.socket() as later:
                later.setblocking(False)
                await loop.sock_connect(later, (there.host, there.port))
