"""What every kind of receiver does alike: it takes a message once, names what went wrong, and tells no secret.

One suite over webhook, Slack (bot and incoming webhook), PagerDuty and email, each before a server on loopback.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remediator.config.settings import EmailConfig, PagerdutyConfig, Receiver, SlackConfig, WebhookConfig
from remediator.core.message import Occasion
from remediator.notify.receivers import Receivers
from remediator.ports import Delivered
from tests.unit.clients.api_server import ApiServer, answer, drip, hang, reset, running
from tests.unit.notify.mail_server import MailServer, taking
from tests.unit.notify.messages import delivery, hostile, message

SECRET = "S3CR3T-canary"
PATIENT = 60.0


@dataclass
class Yard:
    """One kind of receiver and the server before it. `taken` counts messages that arrived whole."""

    kind: str
    config: Callable[[float], Any]
    taken: Callable[[], int]
    break_it: Callable[[str], None]

    def receivers(self, patience: float = PATIENT, **fields: Any) -> Receivers:
        of = {f"{self.kind}_configs": (self.config(patience),)}
        return Receivers([Receiver("oncall", **of, **fields)])

    async def deliver(self, patience: float = PATIENT, *messages: Any, thread: str = "") -> list[Delivered]:
        receivers = self.receivers(patience)
        try:
            said = [delivery(each, f"{self.kind}-0", thread) for each in messages or (message(),)]
            return [await receivers.deliver(each) for each in said]
        finally:
            await receivers.close()


def _http(kind: str, config: Callable[[ApiServer, float], Any], path: str) -> Callable[[Path], Any]:
    @asynccontextmanager
    async def yard(folder: Path) -> AsyncIterator[Yard]:
        (folder / "secret").write_text(SECRET + "\n")
        async with running() as server:
            server.reply = answer(200, {"ok": True, "channel": "C1", "ts": "1.2"})
            (folder / "url").write_text(f"{server.url}/{SECRET}\n")

            def break_it(how: str) -> None:
                server.reply = {"refuses": answer(500, b"oops"), "hangs": hang, "resets": reset, "drips": drip}[how]

            def taken() -> int:
                return len([each for each in server.seen if each.path.endswith(path)])

            yield Yard(kind, lambda timeout: config(server, timeout), taken, break_it)

    return yard


def _webhook(folder: str) -> Callable[[ApiServer, float], WebhookConfig]:
    return lambda server, timeout: WebhookConfig(
        url_file=f"{folder}/url", signing_secret_file=f"{folder}/secret", timeout=timeout
    )


@asynccontextmanager
async def _email(folder: Path) -> AsyncIterator[Yard]:
    (folder / "secret").write_text(SECRET + "\n")
    async with taking(MailServer(password=SECRET)) as server:

        def break_it(how: str) -> None:
            server.says = {"MAIL": "451 try later"} if how == "refuses" else {}
            server.mute = how in ("hangs", "drips")
            if how == "resets":
                server.says = {"": "421 go away"}

        def config(timeout: float) -> EmailConfig:
            return EmailConfig(
                "oncall@example.org",
                "remediator@example.org",
                server.address,
                auth_username="remediator",
                auth_password_file=str(folder / "secret"),
                require_tls=False,
                timeout=timeout,
            )

        yield Yard("email", config, lambda: len(server.handed), break_it)


def _yard(kind: str, folder: Path) -> Any:
    secret, url = str(folder / "secret"), str(folder / "url")
    if kind == "email":
        return _email(folder)
    if kind == "webhook":
        return _http("webhook", _webhook(str(folder)), f"/{SECRET}")(folder)
    if kind == "slack bot":
        bot = lambda server, timeout: SlackConfig(  # noqa: E731
            "#oncall", secret, f"{server.url}/api/chat.postMessage", timeout=timeout
        )
        return _http("slack", bot, "/chat.postMessage")(folder)
    if kind == "slack webhook":
        return _http("slack", lambda _, timeout: SlackConfig(api_url_file=url, timeout=timeout), f"/{SECRET}")(folder)
    pager = lambda server, timeout: PagerdutyConfig(secret, f"{server.url}/v2/enqueue", timeout=timeout)  # noqa: E731
    return _http("pagerduty", pager, "/v2/enqueue")(folder)


@pytest.fixture(params=["webhook", "slack bot", "slack webhook", "pagerduty", "email"])
async def yard(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Yard]:
    async with _yard(request.param, tmp_path) as made:
        yield made


async def test_what_is_taken_has_no_problem_and_arrives_once(yard: Yard) -> None:
    assert [each.problem for each in await yard.deliver()] == [""]
    assert yard.taken() == 1


@pytest.mark.parametrize("how", ["refuses", "hangs", "resets", "drips"])
async def test_what_is_not_taken_is_said_in_one_line_without_a_secret(yard: Yard, how: str) -> None:
    yard.break_it(how)
    (said,) = await yard.deliver(0.5 if how in ("hangs", "drips") else PATIENT)
    assert said.problem
    assert said.problem.isprintable()
    assert len(said.problem) < 400
    assert SECRET not in said.problem
    assert "127.0.0.1" in said.problem


async def test_what_failed_once_is_taken_later_by_the_same_endpoint(yard: Yard) -> None:
    yard.break_it("refuses")
    assert (await yard.deliver())[0].problem
    before = yard.taken()
    if yard.kind == "email":
        yard.break_it("nothing")
        assert (await yard.deliver())[0].problem == ""
        assert yard.taken() == before + 1


async def test_a_missing_secret_names_its_file(yard: Yard, tmp_path: Path) -> None:
    for name in ("secret", "url"):
        (tmp_path / name).unlink(missing_ok=True)
    (said,) = await yard.deliver()
    assert str(tmp_path) in said.problem
    assert yard.taken() == 0


async def test_every_occasion_of_hostile_text_is_taken(yard: Yard) -> None:
    said = await yard.deliver(PATIENT, *(hostile(occasion) for occasion in Occasion), thread="C1 1.2")
    assert {each.problem for each in said} == {""}


async def test_an_end_is_not_told_where_the_settings_do_not_want_it(yard: Yard) -> None:
    import msgspec

    config = msgspec.structs.replace(yard.config(PATIENT), send_resolved=False)
    receivers = Receivers([Receiver("oncall", **{f"{yard.kind}_configs": (config,)})])
    try:
        said = await receivers.deliver(delivery(message(Occasion.CLOSED), f"{yard.kind}-0", "C1 1.2"))
    finally:
        await receivers.close()
    assert (said.problem, yard.taken()) == ("", 0)


async def test_a_host_that_takes_no_connection_is_told_without_the_address(yard: Yard, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    (tmp_path / "url").write_text(f"http://127.0.0.1:{port}/{SECRET}\n")
    config = yard.config(PATIENT)
    for field, value in (("smarthost", f"127.0.0.1:{port}"), ("app_url", f"http://127.0.0.1:{port}/{SECRET}/x")):
        config = _with(config, field, value)
    if yard.kind == "pagerduty":
        config = _with(config, "url", f"http://127.0.0.1:{port}/{SECRET}")
    receivers = Receivers([Receiver("oncall", **{f"{yard.kind}_configs": (config,)})])
    try:
        said = await receivers.deliver(delivery(endpoint=f"{yard.kind}-0"))
    finally:
        await receivers.close()
    assert said.problem.startswith("127.0.0.1")
    assert SECRET not in said.problem


async def test_several_at_once_each_arrive(yard: Yard) -> None:
    receivers = yard.receivers()
    try:
        said = await asyncio.gather(
            *(receivers.deliver(delivery(endpoint=f"{yard.kind}-0", number=number)) for number in range(5))
        )
    finally:
        await receivers.close()
    assert {each.problem for each in said} == {""}
    assert yard.taken() == 5


def _with(config: Any, field: str, value: str) -> Any:
    import msgspec

    return msgspec.structs.replace(config, **{field: value}) if hasattr(config, field) else config
