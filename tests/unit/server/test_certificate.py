"""TLS of the server itself: a renewed certificate is for new connections, one that cannot be used harms nobody."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from remediator.config.settings import WebTls
from remediator.server.certificate import Certificate, CertificateError
from remediator.server.run import Serving, serve
from tests.unit.clients.certificates import Authority

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def answer(_: Request) -> PlainTextResponse:
    return PlainTextResponse("served")


class Site:
    """A server over TLS whose certificate stands in `file`, and the CA that made it."""

    def __init__(self, folder: Path, **tls: str) -> None:
        self.folder, self.ca = folder, Authority()
        self.file = self.ca.certificate(folder / "tls.pem")
        self.certificate = Certificate(WebTls(str(self.file), str(self.file), **tls))
        self.connections: list[Connection] = []

    async def start(self, head_seconds: float = 60.0) -> Serving:
        self.serving = await serve(
            Starlette(routes=[Route("/", answer)]),
            "127.0.0.1:0",
            certificate=self.certificate,
            head_seconds=head_seconds,
        )
        return self.serving

    def renew(self) -> None:
        new = self.ca.certificate(self.folder / "new.pem")
        new.replace(self.file)
        self.certificate.look()

    async def connect(self, identity: Path | None = None) -> Connection:
        context = ssl.create_default_context(cadata=self.ca.pem)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if identity:
            context.load_cert_chain(identity)
        self.connections.append(Connection(*await asyncio.open_connection("127.0.0.1", self.serving.port, ssl=context)))
        return self.connections[-1]

    async def stop(self) -> None:
        for connection in self.connections:
            connection.writer.close()
            with contextlib.suppress(OSError):
                await connection.writer.wait_closed()
        await self.serving.stop()


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.serial = writer.get_extra_info("peercert")["serialNumber"]

    async def ask(self) -> bytes:
        self.writer.write(GET)
        async with asyncio.timeout(120):
            return await self.reader.readuntil(b"served")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path)
    await site.start()
    yield site
    await site.stop()


async def test_it_is_served_over_tls_and_says_so(site: Site) -> None:
    assert site.serving.url.startswith("https://127.0.0.1:")
    assert b"200 OK" in await (await site.connect()).ask()


async def test_new_connections_get_the_new_certificate_and_old_ones_go_on(site: Site) -> None:
    old = await site.connect()
    await old.ask()
    site.renew()
    new = await site.connect()
    assert new.serial != old.serial
    assert b"served" in await old.ask()
    assert b"served" in await new.ask()


@pytest.mark.parametrize("content", [None, b"", b"no certificate", "half"])
async def test_what_cannot_be_used_leaves_the_last_good_one(site: Site, content: bytes | str | None) -> None:
    before = (await site.connect()).serial
    good = site.file.read_bytes()
    if content is None:
        site.file.unlink()
    else:
        site.file.write_bytes(content if isinstance(content, bytes) else good[: len(good) // 2])
    site.certificate.look()
    assert (await site.connect()).serial == before
    site.renew()
    assert (await site.connect()).serial != before


async def test_a_key_that_does_not_fit_its_certificate_is_not_taken(site: Site, tmp_path: Path) -> None:
    before = (await site.connect()).serial
    key = site.file.read_bytes().partition(b"-----BEGIN CERTIFICATE-----")[0]
    other = site.ca.certificate(tmp_path / "other.pem").read_bytes().partition(b"-----BEGIN CERTIFICATE-----")[2]
    site.file.write_bytes(key + b"-----BEGIN CERTIFICATE-----" + other)
    site.certificate.look()
    connection = await site.connect()
    assert connection.serial == before
    assert b"served" in await connection.ask()


async def test_a_handshake_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    site = Site(tmp_path)
    await site.start(head_seconds=0.2)
    for said in (b"", b"GET / HTTP/1.1\r\n\r\n", bytes.fromhex("160301")):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.serving.port)
        writer.write(said)
        async with asyncio.timeout(120):
            with contextlib.suppress(ConnectionError):
                assert b"HTTP" not in await reader.read()
        writer.close()
    await site.stop()


async def test_with_a_ca_of_clients_nobody_else_gets_a_word(tmp_path: Path) -> None:
    clients = Authority()
    (tmp_path / "clients.pem").write_text(clients.pem)
    site = Site(tmp_path, client_ca_file=str(tmp_path / "clients.pem"))
    await site.start()
    try:
        known = await site.connect(clients.certificate(tmp_path / "client.pem"))
        assert b"served" in await known.ask()
        stranger = await site.connect()  # TLS 1.3: the refusal comes with the first read
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await stranger.ask()
    finally:
        await site.stop()


@pytest.mark.parametrize("broken", ["cert", "key", "client_ca"])
def test_at_the_start_it_must_be_right(tmp_path: Path, broken: str) -> None:
    good = Authority().certificate(tmp_path / "tls.pem")
    files = {"cert": str(good), "key": str(good), "client_ca": ""} | {broken: str(tmp_path / "absent.pem")}
    with pytest.raises(CertificateError, match=r"web\.tls_config: .*absent\.pem.*No such file"):
        Certificate(WebTls(files["cert"], files["key"], client_ca_file=files["client_ca"]))
