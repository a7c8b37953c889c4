"""Deliveries to webhook endpoints, over real HTTP: taken or why not, and no secret in either."""

from __future__ import annotations

import base64
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from remediator.config.settings import Authorization, BasicAuth, HttpConfig, Receiver, Tls, WebhookConfig
from remediator.notify.receivers import Receivers
from remediator.ports import Delivery
from tests.unit.clients.api_server import ApiServer, Reply, answer, cut_off, drip, hang, nonsense, reset, running
from tests.unit.clients.certificates import Authority

DELIVERY = Delivery("oncall", "incident-1/escalated", {"text": "KubePodCrashLooping", "target": {"name": "web"}})
SECRET = "/services/T000/S3CRET"


@pytest.fixture
async def endpoint() -> AsyncIterator[ApiServer]:
    async with running() as server:
        yield server


async def deliver(*configs: WebhookConfig, delivery: Delivery = DELIVERY) -> str:
    receivers = Receivers([Receiver("oncall", configs), Receiver("other", ())])
    try:
        return await receivers.deliver(delivery)
    finally:
        await receivers.close()


def at(server: ApiServer, timeout: float = 60.0, **rest: object) -> WebhookConfig:
    return WebhookConfig(url=server.url + SECRET, timeout=timeout, **rest)  # type: ignore[arg-type]


async def test_a_delivery_is_one_post_of_json_with_its_key(endpoint: ApiServer) -> None:
    assert await deliver(at(endpoint)) == ""
    assert len(endpoint.seen) == 1
    assert (endpoint.last.method, endpoint.last.path) == ("POST", SECRET)
    assert endpoint.last.json == DELIVERY.body
    assert endpoint.last.headers["content-type"] == "application/json"
    assert endpoint.last.headers["idempotency-key"] == "incident-1/escalated"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_any_2xx_is_taken(endpoint: ApiServer, status: int) -> None:
    endpoint.reply = answer(status, b"")
    assert await deliver(at(endpoint)) == ""


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (answer(400, b"no such channel"), "127.0.0.1 answered 400: no such channel"),
        (answer(503, b"<html>\x1b[31m\n" + b"x" * 5000), "127.0.0.1 answered 503: <html> [31m xxx"),
        (answer(302, b"", Location="http://elsewhere/"), "127.0.0.1 answered 302: "),
        (hang, "127.0.0.1 did not answer within 0.3 s"),
        (drip, "127.0.0.1 did not answer within 0.3 s"),
        (reset, "127.0.0.1: "),
        (nonsense, "127.0.0.1: "),
        (cut_off(200, b""), "127.0.0.1: ClientPayloadError"),
    ],
)
async def test_what_went_wrong_is_said_in_one_line_without_the_address(
    endpoint: ApiServer, reply: Reply, says: str
) -> None:
    endpoint.reply = reply
    wrong = await deliver(at(endpoint, timeout=0.3 if reply in (hang, drip) else 60.0))
    assert wrong.startswith(says)
    assert wrong.isprintable()
    assert len(wrong) < 300
    assert "S3CRET" not in wrong
    assert len(endpoint.seen) == 1, "one attempt a delivery"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:1" + SECRET, "127.0.0.1: Cannot connect"),
        ("http://no-such-host.invalid" + SECRET, "no-such-host.invalid: "),
        ("ftp://host" + SECRET, "its address is no http"),
        ("S3CRET", "its address is no http"),
        ("http://[" + SECRET, "its address is no http"),
        ("http://host:99999999" + SECRET, "its address is no http"),
    ],
)
async def test_an_address_that_leads_nowhere_is_said_without_its_path(url: str, says: str) -> None:
    wrong = await deliver(WebhookConfig(url=url, timeout=60))
    assert wrong.startswith(says)
    assert "S3CRET" not in wrong


async def test_a_host_that_takes_no_connection_is_a_time_out_that_does_not_tell_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        wrong = await deliver(WebhookConfig(url=f"http://127.0.0.1:{full.getsockname()[1]}{SECRET}", timeout=0.2))
        for one in waiting:
            one.close()
    assert wrong == "127.0.0.1 did not answer within 0.2 s"


async def test_the_address_may_stand_in_a_file_that_changes(endpoint: ApiServer, tmp_path: Path) -> None:
    file = tmp_path / "url"
    config = WebhookConfig(url_file=str(file), timeout=60)
    assert str(file) in await deliver(config)
    file.write_text(f"{endpoint.url}/first\n")
    assert await deliver(config) == ""
    file.write_text(f"{endpoint.url}/second\n")
    assert await deliver(config) == ""
    assert [seen.path for seen in endpoint.seen] == ["/first", "/second"]


@pytest.mark.parametrize("content", [b"", b"two\nlines", b"\xff\xfe"])
async def test_a_file_that_holds_no_line_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "url").write_bytes(content)
    assert str(tmp_path / "url") in await deliver(WebhookConfig(url_file=str(tmp_path / "url")))


async def test_credentials_come_from_files(endpoint: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s\n")
    bearer = HttpConfig(authorization=Authorization(str(tmp_path / "secret")))
    basic = HttpConfig(basic_auth=BasicAuth("user", str(tmp_path / "secret")))
    assert await deliver(at(endpoint, http_config=bearer), at(endpoint, http_config=basic)) == ""
    expected = {"Bearer s", "Basic " + base64.b64encode(b"user:s").decode()}
    assert {seen.headers["authorization"] for seen in endpoint.seen} == expected


async def test_a_certificate_is_verified_by_the_named_authority_or_not_at_all(tmp_path: Path) -> None:
    authority = Authority()
    (tmp_path / "ca.pem").write_text(authority.pem)
    async with running(authority.server(tmp_path)) as endpoint:
        assert "certificate verify failed" in await deliver(WebhookConfig(url=endpoint.url, timeout=60))
        assert endpoint.seen == []
        for tls in (Tls(ca_file=str(tmp_path / "ca.pem")), Tls(insecure_skip_verify=True)):
            config = WebhookConfig(url=endpoint.url, timeout=60, http_config=HttpConfig(tls_config=tls))
            assert await deliver(config) == ""
        wrong = HttpConfig(tls_config=Tls(ca_file=str(tmp_path / "none.pem")))
        assert "No such file" in await deliver(WebhookConfig(url=endpoint.url, http_config=wrong))


async def test_every_endpoint_is_told_and_each_failure_said(endpoint: ApiServer) -> None:
    async with running() as broken:
        broken.reply = answer(500, b"oops")
        wrong = await deliver(at(endpoint), at(broken), at(endpoint))
    assert wrong == "127.0.0.1 answered 500: oops"
    assert len(endpoint.seen) == 2


async def test_a_receiver_that_is_not_there_is_said_with_those_that_are() -> None:
    wrong = await deliver(delivery=Delivery("nobody", "k", {}))
    assert wrong == "there is no receiver 'nobody' in the settings, only oncall, other"


async def test_a_key_of_any_text_is_fit_for_a_header(endpoint: ApiServer) -> None:
    assert await deliver(at(endpoint), delivery=Delivery("oncall", "a\r\nX: y/ü", {})) == ""
    assert endpoint.last.headers["idempotency-key"] == "a__X: y/_"
