"""The generic webhook over real HTTP: what is on the wire, signed as Standard Webhooks are; how failures are said."""

from __future__ import annotations

import base64
import hmac
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from remediator.config.settings import Authorization, BasicAuth, HttpConfig, Receiver, Tls, WebhookConfig
from remediator.core.message import Message
from remediator.notify.receivers import Receivers
from remediator.notify.webhook import body_of, key_in, signature
from remediator.ports import Delivered, Delivery
from tests.unit.clients.api_server import ApiServer, Reply, answer, cut_off, drip, hang, nonsense, reset, running, then
from tests.unit.clients.certificates import Authority
from tests.unit.notify.messages import delivery

SECRET = "/services/T000/S3CRET"


@pytest.fixture
async def endpoint() -> AsyncIterator[ApiServer]:
    async with running() as server:
        yield server


async def deliver(*configs: WebhookConfig, said: Delivery | None = None) -> str:
    return (await attempt(*configs, said=said)).problem


async def attempt(*configs: WebhookConfig, said: Delivery | None = None) -> Delivered:
    """The message at the first endpoint."""
    receivers = Receivers([Receiver("oncall", configs), Receiver("other", ())])
    try:
        return await receivers.deliver(said or delivery())
    finally:
        await receivers.close()


def at(server: ApiServer, timeout: float = 60.0, **rest: object) -> WebhookConfig:
    return WebhookConfig(url=server.url + SECRET, timeout=timeout, **rest)  # type: ignore[arg-type]


async def test_a_delivery_is_one_post_of_json_with_its_key(endpoint: ApiServer) -> None:
    assert await deliver(at(endpoint)) == ""
    assert len(endpoint.seen) == 1
    assert (endpoint.last.method, endpoint.last.path) == ("POST", SECRET)
    assert endpoint.last.headers["content-type"] == "application/json"
    assert endpoint.last.headers["idempotency-key"] == "incident-1-escalated-1-webhook-0"
    said = endpoint.last.json
    assert {key: said[key] for key in ("version", "receiver", "occasion", "incident", "rule", "cause", "plan")} == {
        "version": "1",
        "receiver": "oncall",
        "occasion": "escalated",
        "incident": "incident-1",
        "rule": "undo-bad-rollout",
        "cause": "failed",
        "plan": "",
    }
    assert said["target"] == {"kind": "Deployment", "namespace": "shop", "name": "web"}
    assert said["opened_at"] == "2026-01-01T12:00:00Z"
    assert said["diagnosis"]["pods"][0]["last_exit"] == "exit 1 (Error)"
    assert list(said).index("happened") < list(said).index("did") < list(said).index("refused")


def test_what_is_read_back_from_the_journal_is_the_same_bytes() -> None:
    said = delivery()
    there = replace(said, message=replace(said.message, labels={"b": "2", "a": "1"}, annotations={"d": "4", "c": "3"}))
    back = msgspec.json.decode(msgspec.json.encode(there.message, order="sorted"), type=Message)
    assert body_of(replace(there, message=back)) == body_of(there)


async def test_a_message_is_signed_as_standard_webhooks_are(endpoint: ApiServer, tmp_path: Path) -> None:
    """The signature is over `id.timestamp.body`, so that neither of them can be exchanged."""
    key = b"0123456789abcdef01234567"
    (tmp_path / "secret").write_text(f"whsec_{base64.b64encode(key).decode()}\n")
    assert await deliver(at(endpoint, signing_secret_file=str(tmp_path / "secret"))) == ""
    headers = endpoint.last.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + endpoint.last.body
    expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == headers["idempotency-key"]


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the specification's own libraries."""
    secret = key_in("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    mark = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
    assert mark == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["whsec_not base64", "whsec_!!!!"])
async def test_a_secret_that_is_none_is_said_and_nothing_is_sent(
    endpoint: ApiServer, tmp_path: Path, secret: str
) -> None:
    (tmp_path / "secret").write_text(secret)
    wrong = await deliver(at(endpoint, signing_secret_file=str(tmp_path / "secret")))
    assert wrong == "the signing secret is no base64 behind whsec_"
    assert endpoint.seen == []


async def test_the_same_delivery_is_the_same_bytes_under_the_same_key(endpoint: ApiServer) -> None:
    endpoint.reply = then(answer(503, b""), answer())
    assert await deliver(at(endpoint))
    assert await deliver(at(endpoint)) == ""
    first, second = endpoint.seen
    assert first.body == second.body
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": "Thu, 01 Jan 2026 12:00:30 GMT", "Date": "Thu, 01 Jan 2026 12:00:00 GMT"}, 30),
        ({"Retry_After": "Thu, 01 Jan 2026 11:00:00 GMT", "Date": "Thu, 01 Jan 2026 12:00:00 GMT"}, 0),
        ({"Retry_After": "soon"}, 0),
        ({"Retry_After": "-5"}, 0),
        ({}, 0),
    ],
)
@pytest.mark.parametrize("code", [429, 503])
async def test_when_to_come_back_is_read_from_the_answer(
    endpoint: ApiServer, code: int, headers: dict[str, str], seconds: float
) -> None:
    endpoint.reply = answer(code, b"later", **headers)
    assert (await attempt(at(endpoint))).retry_after == seconds


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
        (cut_off(200, b""), "127.0.0.1: the server closed the connection"),
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
    assert len(endpoint.seen) <= 1, "one attempt a delivery"  # none was seen in time, it may be, where time ran out
    assert endpoint.seen or reply in (hang, drip)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:1" + SECRET, "127.0.0.1: cannot connect"),
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
    for config, header in ((bearer, "Bearer s"), (basic, "Basic " + base64.b64encode(b"user:s").decode())):
        assert await deliver(at(endpoint, http_config=config)) == ""
        assert endpoint.last.headers["authorization"] == header


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


async def test_each_endpoint_is_told_by_itself(endpoint: ApiServer) -> None:
    async with running() as broken:
        broken.reply = answer(500, b"oops")
        configs = (at(endpoint), at(broken))
        assert await deliver(*configs, said=delivery(endpoint="webhook-1")) == "127.0.0.1 answered 500: oops"
        assert endpoint.seen == []
        assert await deliver(*configs, said=delivery(endpoint="webhook-0")) == ""
    assert len(endpoint.seen) == 1


@pytest.mark.parametrize(
    ("receiver", "place", "says"),
    [
        ("nobody", "", "there is no receiver 'nobody' in the settings, only oncall, other"),
        ("oncall", "slack-0", "receiver oncall has no endpoint 'slack-0' any more, only webhook-0"),
    ],
)
async def test_who_is_not_there_is_said_with_those_that_are(
    endpoint: ApiServer, receiver: str, place: str, says: str
) -> None:
    assert await deliver(at(endpoint), said=replace(delivery(), receiver=receiver, endpoint=place)) == says


async def test_a_key_of_any_text_is_fit_for_a_header(endpoint: ApiServer) -> None:
    assert await deliver(at(endpoint), said=replace(delivery(), key="a\r\nX: y/ü")) == ""
    assert endpoint.last.headers["idempotency-key"] == "a__X: y/_"
