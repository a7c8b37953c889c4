"""Slack on the wire: a thread by a bot's token, single messages by an incoming webhook, hostile text as text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from remediator.config.settings import Receiver, SlackConfig
from remediator.core.message import Message, Occasion
from remediator.notify.receivers import Receivers
from remediator.notify.slack import MOST_BLOCKS, escaped
from remediator.ports import Delivered
from tests.unit.clients.api_server import ApiServer, answer, running, then
from tests.unit.notify.messages import HOSTILE, delivery, diagnosis, hostile, message

POSTED = answer(200, {"ok": True, "channel": "C024BE91L", "ts": "1401383885.000061"})


@pytest.fixture
async def slack() -> AsyncIterator[ApiServer]:
    async with running() as server:
        server.reply = POSTED
        yield server


@pytest.fixture
def bot(slack: ApiServer, tmp_path: Path) -> SlackConfig:
    (tmp_path / "token").write_text("xoxb-1\n")
    return SlackConfig(
        "#oncall", str(tmp_path / "token"), f"{slack.url}/api/chat.postMessage", username="remediator", timeout=60
    )


async def told(config: SlackConfig, said: Message | None = None, thread: str = "") -> Delivered:
    receivers = Receivers([Receiver("oncall", slack_configs=(config,))])
    try:
        return await receivers.deliver(delivery(said, "slack-0", thread))
    finally:
        await receivers.close()


def texts(body: dict[str, Any]) -> list[str]:
    """All that is shown, block by block."""
    found = []
    for block in body["blocks"]:
        held = [block["text"]] if "text" in block else block["elements"]
        found += [each["text"] for each in held]
    return found


async def test_the_first_message_begins_a_thread(slack: ApiServer, bot: SlackConfig) -> None:
    said = await told(bot)
    assert (said.problem, said.thread) == ("", "C024BE91L 1401383885.000061")
    (seen,) = slack.seen
    assert (seen.path, seen.headers["authorization"]) == ("/api/chat.postMessage", "Bearer xoxb-1")
    body = seen.json
    assert (body["channel"], body["username"], body["unfurl_links"]) == ("#oncall", "remediator", False)
    assert body["metadata"]["event_payload"] == {"key": "incident-1-escalated-1-slack-0"}
    assert "thread_ts" not in body
    shown = texts(body)
    assert shown[0] == "\N{POLICE CARS REVOLVING LIGHT} Deployment/shop/web: needs a person: not healthy within 10m"
    headings = [text.split("\n")[0] for text in shown[1:]]
    assert headings[:4] == ["*What happened*", "*What was done*", "*What was refused*", "*Next*"]
    assert any("panic: no such table" in text for text in shown)
    assert "<https://runbooks.example.org/stuck|Runbook>" in shown[-1]
    assert "incident incident-1" in shown[-1]


async def test_what_follows_stays_in_the_thread_and_brings_the_first_message_up_to_date(
    slack: ApiServer, bot: SlackConfig
) -> None:
    said = await told(
        bot, message(Occasion.CLOSED, news="recovered: all replicas ready"), "C024BE91L 1401383885.000061"
    )
    assert (said.problem, said.thread) == ("", "")
    update, reply = slack.seen
    assert (update.path, reply.path) == ("/api/chat.update", "/api/chat.postMessage")
    assert (update.json["channel"], update.json["ts"]) == ("C024BE91L", "1401383885.000061")
    assert texts(update.json)[0].startswith("\N{WHITE HEAVY CHECK MARK} Deployment/shop/web: recovered")
    assert (reply.json["channel"], reply.json["thread_ts"]) == ("C024BE91L", "1401383885.000061")
    assert "reply_broadcast" not in reply.json
    assert texts(reply.json)[0] == "\N{WHITE HEAVY CHECK MARK} recovered: all replicas ready"


async def test_a_person_who_is_needed_is_called_in_the_channel_too(slack: ApiServer, bot: SlackConfig) -> None:
    await told(bot, message(Occasion.ESCALATED), "C024BE91L 1.2")
    assert slack.last.json["reply_broadcast"] is True
    assert any("panic: no such table" in text for text in texts(slack.last.json))


async def test_a_reply_that_fails_is_tried_again_whole(slack: ApiServer, bot: SlackConfig) -> None:
    """The update may be repeated; the reply, which may not, comes last."""
    slack.reply = then(POSTED, answer(500, b""), POSTED)
    assert (await told(bot, message(Occasion.ACTED), "C1 1.2")).problem
    assert (await told(bot, message(Occasion.ACTED), "C1 1.2")).problem == ""
    assert [seen.path.rsplit("/", 1)[1] for seen in slack.seen] == [
        "chat.update", "chat.postMessage", "chat.update", "chat.postMessage",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "problem", "seconds"),
    [
        (answer(200, {"ok": False, "error": "channel_not_found"}), "refused chat.postMessage: channel_not_found", 0),
        (answer(200, {"ok": False}), "refused chat.postMessage", 0),
        (answer(200, b"<html>"), "refused chat.postMessage: <html>", 0),
        (answer(429, {"ok": False, "error": "ratelimited"}, Retry_After="30"), "answered 429", 30),
    ],
)
async def test_what_slack_refuses_is_said_although_it_answers_200(
    slack: ApiServer, bot: SlackConfig, reply: Any, problem: str, seconds: float
) -> None:
    slack.reply = reply
    said = await told(bot)
    assert problem in said.problem
    assert said.retry_after == seconds


async def test_an_incoming_webhook_takes_single_messages(slack: ApiServer, tmp_path: Path) -> None:
    slack.reply = answer(200, b"ok")
    (tmp_path / "url").write_text(f"{slack.url}/services/T0/B0/x\n")
    config = SlackConfig(api_url_file=str(tmp_path / "url"), timeout=60)
    for occasion in (Occasion.ESCALATED, Occasion.CLOSED):
        assert await told(config, message(occasion)) == Delivered()
    assert [seen.path for seen in slack.seen] == ["/services/T0/B0/x"] * 2
    assert "authorization" not in slack.last.headers
    assert "channel" not in slack.last.json


async def test_hostile_text_mentions_nobody_links_nowhere_and_ends_no_block(slack: ApiServer, bot: SlackConfig) -> None:
    await told(bot, hostile())
    body = slack.last.json
    for block in body["blocks"]:
        for held in [block["text"]] if "text" in block else block["elements"]:
            assert held["type"] == "plain_text" or held["verbatim"] is True
            if held["type"] == "mrkdwn":
                assert "<!channel>" not in held["text"]
                assert "<http://evil" not in held["text"]
    assert escaped(HOSTILE) in "".join(texts(body))
    log = next(text for text in texts(body) if text.startswith("*End of the previous log"))
    assert log.count("```") == 2, "a fence in the log does not end ours"
    assert "Runbook" not in texts(body)[-1], "what is no address of the web is no link"


async def test_too_much_is_cut_to_what_slack_takes(slack: ApiServer, bot: SlackConfig) -> None:
    from msgspec.structs import replace

    lines = tuple(f"line {number} " + "x" * 280 for number in range(60))
    many = replace(diagnosis(), logs=(replace(diagnosis().logs[0], lines=lines),) * 60)
    await told(bot, message(news="n" * 4000, happened=("&" * 4000,), diagnosis=many))
    body = slack.last.json
    assert len(body["blocks"]) <= MOST_BLOCKS
    assert max(len(text) for text in texts(body)) <= 3000
    assert len(texts(body)[0]) <= 150
    log = next(text for text in texts(body) if text.startswith("*End of the previous log"))
    assert "line 59" in log, "of a log the end is what matters"
    assert log.endswith("```")
