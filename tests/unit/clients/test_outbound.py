"""`http_config` over real HTTP and TLS: who asks, by which way, of whom; and no secret where it does not belong."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from remediator.clients.authorization import Authorizer
from remediator.clients.http_config import BasicAuth, Header, HttpConfig, OAuth2, Tls
from remediator.clients.outbound import NotPosted, Outbound, Question, Replied

from .api_server import ApiServer, answer, running, then
from .certificates import Authority


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    made = Outbound()
    yield made
    await made.close()


async def get(outbound: Outbound, url: str, config: HttpConfig, method: str = "GET") -> Replied:
    return await outbound.ask(Question(method, url, 60, b"x" if method == "POST" else None), config)


class TestWhoAsks:
    async def test_a_name_and_a_password_from_files(self, outbound: Outbound, api: ApiServer, tmp_path: Path) -> None:
        (tmp_path / "name").write_text("me\n")
        (tmp_path / "password").write_text("one\n")
        basic = BasicAuth(username_file=str(tmp_path / "name"), password_file=str(tmp_path / "password"))
        await get(outbound, api.url, HttpConfig(basic_auth=basic))
        (tmp_path / "password").write_text("two\n")
        await get(outbound, api.url, HttpConfig(basic_auth=basic))
        said = [base64.b64decode(seen.headers["authorization"].removeprefix("Basic ")) for seen in api.seen]
        assert said == [b"me:one", b"me:two"]

    async def test_headers_of_ones_own(self, outbound: Outbound, api: ApiServer, tmp_path: Path) -> None:
        (tmp_path / "key").write_text("k3y")
        headers = {"X-Scope-OrgID": Header(("shop", "cart")), "X-Key": Header(("a",), (str(tmp_path / "key"),))}
        await get(outbound, api.url, HttpConfig(http_headers=headers))
        assert (api.last.headers["x-scope-orgid"], api.last.headers["x-key"]) == ("shop, cart", "a, k3y")

    async def test_a_receiver_may_answer_in_any_form(self, outbound: Outbound, api: ApiServer) -> None:
        await get(outbound, api.url, HttpConfig(), "POST")
        assert "accept" not in api.last.headers

    async def test_a_file_that_is_gone_is_named_and_nothing_is_asked(self, outbound: Outbound, api: ApiServer) -> None:
        with pytest.raises(NotPosted, match="/none"):
            await get(outbound, api.url, HttpConfig(basic_auth=BasicAuth("me", "/none")))
        assert api.seen == []


def token(text: str, **rest: object) -> dict[str, object]:
    return {"access_token": text, "token_type": "bearer", **rest}


class TestOAuth2:
    @pytest.fixture
    async def sso(self) -> AsyncIterator[ApiServer]:
        async with running() as server:
            yield server

    @pytest.fixture
    def config(self, sso: ApiServer, tmp_path: Path) -> HttpConfig:
        (tmp_path / "secret").write_text("s3cret:\n")
        params, secret = {"audience": "prometheus"}, str(tmp_path / "secret")
        return HttpConfig(oauth2=OAuth2("me", secret, f"{sso.url}/token", ("read", "query"), params))

    async def test_a_token_is_asked_for_once(
        self, outbound: Outbound, api: ApiServer, sso: ApiServer, config: HttpConfig
    ) -> None:
        sso.reply = answer(200, token("one", expires_in=3600))
        await asyncio.gather(*(get(outbound, api.url, config) for _ in range(5)))
        assert {seen.headers["authorization"] for seen in api.seen} == {"Bearer one"}
        assert len(sso.seen) == 1
        form = {"grant_type": ["client_credentials"], "scope": ["read query"], "audience": ["prometheus"]}
        assert parse_qs(sso.last.body.decode()) == form
        assert base64.b64decode(sso.last.headers["authorization"].removeprefix("Basic ")) == b"me:s3cret%3A"
        assert sso.last.headers["accept"] == "application/json"

    async def test_a_server_that_wants_the_secret_in_the_form(
        self, outbound: Outbound, api: ApiServer, sso: ApiServer, config: HttpConfig
    ) -> None:
        sso.reply = then(answer(401, {"error": "invalid_client"}), answer(200, token("one", expires_in=1)))
        await get(outbound, api.url, config)
        await get(outbound, api.url, config)  # the token has expired meanwhile: asked at once in the right way
        assert len(sso.seen) == 3
        assert parse_qs(sso.last.body.decode())["client_secret"] == ["s3cret:"]
        assert "authorization" not in sso.last.headers

    async def test_a_401_and_a_new_secret_each_make_a_new_token(
        self, outbound: Outbound, api: ApiServer, sso: ApiServer, config: HttpConfig, tmp_path: Path
    ) -> None:
        sso.reply = then(*(answer(200, token(text)) for text in ("one", "two", "three")))
        api.reply = then(answer(401), answer(200))
        assert (await get(outbound, api.url, config)).status == 401
        await get(outbound, api.url, config)
        (tmp_path / "secret").write_text("new")
        await get(outbound, api.url, config)
        assert [seen.headers["authorization"] for seen in api.seen] == ["Bearer one", "Bearer two", "Bearer three"]

    @pytest.mark.parametrize(
        "reply",
        [
            answer(500),
            answer(200, b"<html>"),
            answer(200, {}),
            answer(200, token("a\r\nX: y")),
            answer(200, token("ü")),
            answer(200, token("a", expires_in="soon")),
            answer(200, []),
        ],
    )
    async def test_without_a_token_nothing_is_asked(
        self, outbound: Outbound, api: ApiServer, sso: ApiServer, config: HttpConfig, reply: object
    ) -> None:
        sso.reply = reply  # type: ignore[assignment]
        with pytest.raises(NotPosted, match="no token from") as error:
            await get(outbound, api.url, config)
        assert "s3cret" not in str(error.value)
        assert api.seen == []

    async def test_a_token_is_renewed_ten_seconds_before_it_expires(self, tmp_path: Path) -> None:
        instants, given = [0.0], 0

        async def post(*_: object) -> tuple[int, bytes]:
            nonlocal given
            given += 1
            return 200, b'{"access_token": "t%d", "expires_in": 60}' % given

        (tmp_path / "secret").write_text("s")
        config = HttpConfig(oauth2=OAuth2("me", str(tmp_path / "secret"), "http://sso/token"))
        authorizer, said = Authorizer(post, lambda: instants[-1]), []
        for instant in (0.0, 49.9, 50.0, 99.9, 100.0):
            instants.append(instant)
            said.append((await authorizer.headers(config))["Authorization"])
        assert said == ["Bearer t1", "Bearer t1", "Bearer t2", "Bearer t2", "Bearer t3"]


class TestTls:
    async def test_a_client_certificate_is_shown(self, outbound: Outbound, tmp_path: Path) -> None:
        ours, theirs = Authority(), Authority()
        (tmp_path / "ca.pem").write_text(theirs.pem)
        mine, ca = str(ours.certificate(tmp_path / "client.pem")), str(tmp_path / "ca.pem")
        async with running(theirs.server(tmp_path, clients=ours)) as server:
            with pytest.raises(NotPosted):
                await get(outbound, server.url, HttpConfig(tls_config=Tls(ca)))
            assert (await get(outbound, server.url, HttpConfig(tls_config=Tls(ca, mine, mine)))).taken

    async def test_a_certificate_of_another_name(self, outbound: Outbound, tmp_path: Path) -> None:
        authority, ca = Authority(), str(tmp_path / "ca.pem")
        (tmp_path / "ca.pem").write_text(authority.pem)
        async with running(authority.server(tmp_path, "prometheus.example")) as server:
            assert (
                await get(outbound, server.url, HttpConfig(tls_config=Tls(ca, server_name="prometheus.example")))
            ).taken
            with pytest.raises(NotPosted, match="certificate"):
                await get(outbound, server.url, HttpConfig(tls_config=Tls(ca)))

    async def test_a_ca_that_is_renewed_is_read_again(self, outbound: Outbound, tmp_path: Path) -> None:
        authority, ca = Authority(), tmp_path / "ca.pem"
        ca.write_text(Authority().pem)
        config = HttpConfig(tls_config=Tls(str(ca)))
        async with running(authority.server(tmp_path)) as server:
            with pytest.raises(NotPosted, match="certificate"):
                await get(outbound, server.url, config)
            ca.write_text(authority.pem + "\n")
            os.utime(ca, (1, 1))
            assert (await get(outbound, server.url, config)).taken

    async def test_a_version_that_the_server_does_not_speak(self, outbound: Outbound, tmp_path: Path) -> None:
        authority, ca = Authority(), str(tmp_path / "ca.pem")
        (tmp_path / "ca.pem").write_text(authority.pem)
        context = authority.server(tmp_path)
        context.maximum_version = context.minimum_version
        async with running(context) as server:
            assert (await get(outbound, server.url, HttpConfig(tls_config=Tls(ca, max_version="TLS12")))).taken
            with pytest.raises(NotPosted):
                await get(outbound, server.url, HttpConfig(tls_config=Tls(ca, min_version="TLS13")))


class TestWays:
    async def test_a_proxy_is_asked_in_the_place_of_the_server(self, outbound: Outbound, api: ApiServer) -> None:
        config = HttpConfig(proxy_url=api.url, no_proxy="elsewhere.example,10.0.0.0/8")
        assert (await get(outbound, "http://prometheus.example/x", config)).taken
        assert (api.last.headers["host"], api.last.path) == ("prometheus.example", "/x")

    @pytest.mark.parametrize("no_proxy", ["127.0.0.0/8", "*", "other, 127.0.0.1", "127.0.0.1:{port}"])
    async def test_no_proxy_is_reached_directly(self, outbound: Outbound, api: ApiServer, no_proxy: str) -> None:
        port = api.url.rpartition(":")[2]
        config = HttpConfig(proxy_url="http://127.0.0.1:1", no_proxy=no_proxy.format(port=port))
        assert (await get(outbound, api.url, config)).taken

    async def test_the_proxy_of_the_environment(
        self, outbound: Outbound, api: ApiServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", api.url)
        monkeypatch.setenv("no_proxy", "")
        with pytest.raises(NotPosted):
            await get(outbound, "http://prometheus.invalid/x", HttpConfig())
        assert (await get(outbound, "http://prometheus.invalid/x", HttpConfig(proxy_from_environment=True))).taken

    async def test_a_proxy_is_told_its_own_headers_and_the_server_is_not(
        self, outbound: Outbound, tmp_path: Path
    ) -> None:
        (tmp_path / "pass").write_text("Basic bWU6cGFzcw==\n")
        told = {"Proxy-Authorization": Header(files=(str(tmp_path / "pass"),)), "X-Team": Header(("shop", "cart"))}
        seen: list[bytes] = []

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(connect, "127.0.0.1", 0) as proxy:
            url = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
            with pytest.raises(NotPosted):
                await get(outbound, "https://prometheus.example/", HttpConfig(proxy_url=url, proxy_connect_header=told))
        assert seen[0].startswith(b"CONNECT prometheus.example:443 ")
        assert b"\r\nProxy-Authorization: Basic bWU6cGFzcw==\r\n" in seen[0]
        assert b"\r\nX-Team: shop, cart\r\n" in seen[0]

    async def test_headers_of_the_way_do_not_go_to_a_server_that_is_reached_without_a_proxy(
        self, outbound: Outbound, api: ApiServer
    ) -> None:
        await get(outbound, api.url, HttpConfig(proxy_connect_header={"X-Team": Header(("shop",))}))
        assert "x-team" not in api.last.headers


class TestRedirects:
    @pytest.mark.parametrize(
        ("method", "status", "seen"),
        [
            ("GET", 301, 2),
            ("GET", 302, 2),
            ("GET", 303, 2),
            ("GET", 307, 2),
            ("GET", 308, 2),
            ("POST", 307, 2),
            ("POST", 308, 2),
            ("POST", 301, 1),
            ("POST", 302, 1),
            ("POST", 303, 1),
            ("GET", 304, 1),
        ],
    )
    async def test_the_same_request_is_sent_on_and_no_other(
        self, outbound: Outbound, api: ApiServer, method: str, status: int, seen: int
    ) -> None:
        api.reply = then(answer(status, b"", Location="/there"), answer(200))
        replied = await get(outbound, f"{api.url}/here", HttpConfig(), method)
        assert len(api.seen) == seen
        assert replied.status == (200 if seen == 2 else status)
        assert {one.method for one in api.seen} == {method}
        assert len({one.body for one in api.seen}) == 1

    async def test_another_server_is_told_no_secret(self, outbound: Outbound, api: ApiServer, tmp_path: Path) -> None:
        (tmp_path / "password").write_text("secret")
        headers = {"X-Key": Header(files=(str(tmp_path / "password"),))}
        config = HttpConfig(basic_auth=BasicAuth("me", str(tmp_path / "password")), http_headers=headers)
        async with running() as other:
            api.reply = then(answer(307, b"", Location="/again"), answer(307, b"", Location=f"{other.url}/x"))
            assert (await get(outbound, api.url, config)).taken
        assert all("authorization" in seen.headers and "x-key" in seen.headers for seen in api.seen)
        assert len(api.seen) == 2
        assert "authorization" not in other.last.headers
        assert "x-key" not in other.last.headers

    async def test_they_are_not_followed_where_that_is_said(self, outbound: Outbound, api: ApiServer) -> None:
        api.reply = answer(302, b"", Location="/there")
        assert (await get(outbound, api.url, HttpConfig(follow_redirects=False))).status == 302

    async def test_a_circle_ends(self, outbound: Outbound, api: ApiServer) -> None:
        api.reply = answer(302, b"", Location="/again")
        assert (await get(outbound, api.url, HttpConfig())).status == 302
        assert len(api.seen) == 6

    @pytest.mark.parametrize("location", ["http://127.0.0.1:1/", "ftp://x/", "http://[", "https://"])
    async def test_encryption_is_not_left(self, outbound: Outbound, tmp_path: Path, location: str) -> None:
        async with running(Authority().server(tmp_path)) as server:
            server.reply = answer(302, b"", Location=location)
            replied = await get(outbound, server.url, HttpConfig(tls_config=Tls(insecure_skip_verify=True)))
        assert replied.status == 302


async def test_of_an_answer_only_so_much_is_read(outbound: Outbound, api: ApiServer) -> None:
    api.reply = answer(200, b"x" * 100_000)
    replied = await outbound.ask(Question("GET", api.url, 60, most_bytes=1000), HttpConfig())
    assert (len(replied.body), replied.cut) == (1000, True)


@pytest.mark.parametrize("url", ["ftp://x", "http://", "nonsense", "http://[::"])
async def test_an_address_that_is_none(outbound: Outbound, url: str) -> None:
    with pytest.raises(NotPosted, match="its address is no http"):
        await get(outbound, url, HttpConfig())
