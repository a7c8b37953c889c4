"""Slack: a message and its thread by `chat.postMessage`, or single messages by an incoming webhook.

The first message is brought up to date (`chat.update`) with each that follows in its thread.
"""

from __future__ import annotations

from typing import Any

import msgspec

from remediator.clients.http_config import Authorization, secret_in
from remediator.clients.outbound import Outbound
from remediator.config.settings import SlackConfig
from remediator.core.message import Message, Occasion
from remediator.core.text import cut
from remediator.notify.layout import Part, is_good, parts, references
from remediator.notify.posting import Refused, json_of, post
from remediator.ports import Delivered, Delivery

MOST_BLOCKS, HEADER, SECTION, TEXT = 50, 150, 3000, 3000
"""Slack's limits: blocks of a message, characters of a header, a section, and of what notifications show."""

_MARKS = {
    Occasion.ESCALATED: "\N{POLICE CARS REVOLVING LIGHT}",
    Occasion.APPROVAL: "\N{RAISED HAND}",
    Occasion.FAILED: "\N{CROSS MARK}",
    Occasion.REFUSED: "\N{NO ENTRY}",
    Occasion.CLOSED: "\N{WHITE HEAVY CHECK MARK}",
}
_USUAL_MARK = "\N{INFORMATION SOURCE}"
_BROADCAST = frozenset({Occasion.ESCALATED, Occasion.APPROVAL})
"""What is shown in the channel too where it comes inside of a thread: a person is needed."""

Block = dict[str, Any]


class Slack:
    """One entry of `slack_configs`."""

    def __init__(self, config: SlackConfig, outbound: Outbound) -> None:
        self._config, self._outbound = config, outbound

    async def send(self, delivery: Delivery) -> Delivered:
        """Post the message; raises `Refused`."""
        if self._config.app_token_file:
            return await self._as_bot(delivery)
        try:
            url = secret_in(self._config.api_url_file)
        except (OSError, ValueError) as error:
            raise Refused(str(error)) from error
        body = msgspec.json.encode(_whole(delivery.message) | self._looks())
        await post(self._outbound, url, body, self._config.http_config, self._config.timeout)
        return Delivered()

    async def _as_bot(self, delivery: Delivery) -> Delivered:
        """The first message, or one in its thread; the update goes first, for it may be repeated without harm."""
        key = {"metadata": {"event_type": "remediator_notice", "event_payload": {"key": delivery.key}}}
        if not delivery.thread:
            answer = await self._call("chat.postMessage", self._addressed() | _whole(delivery.message) | key)
            return Delivered(thread=f"{answer.get('channel', '')} {answer.get('ts', '')}")
        channel, _, ts = delivery.thread.partition(" ")
        await self._call("chat.update", {"channel": channel, "ts": ts} | _whole(delivery.message))
        reply = {"channel": channel, "thread_ts": ts} | self._looks() | _news(delivery.message) | key
        if delivery.message.occasion in _BROADCAST:
            reply["reply_broadcast"] = True
        await self._call("chat.postMessage", reply)
        return Delivered()

    async def _call(self, method: str, body: Block) -> dict[str, Any]:
        """Slack answers 200 to what it refuses, with the reason in the body."""
        way = msgspec.structs.replace(
            self._config.http_config, authorization=Authorization(self._config.app_token_file)
        )
        url = self._config.app_url.rsplit("/", 1)[0] + f"/{method}"
        answer = await post(self._outbound, url, msgspec.json.encode(body), way, self._config.timeout)
        said = json_of(answer)
        if said.get("ok") is not True:
            raise Refused(f"{answer.host} refused {method}: {cut(str(said.get('error', answer.text)), 200)}")
        return said

    def _addressed(self) -> Block:
        return {"channel": self._config.channel} | self._looks()

    def _looks(self) -> Block:
        named = {"username": self._config.username, "icon_emoji": self._config.icon_emoji}
        quiet = {"unfurl_links": False, "unfurl_media": False}
        return {name: value for name, value in named.items() if value} | quiet


def escaped(text: str) -> str:
    """Text as Slack shows it literally: `&`, `<` and `>` are all that mrkdwn takes for links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _whole(message: Message) -> Block:
    """The message in full. `text` is what notifications and old clients show."""
    blocks: list[Block] = [{"type": "header", "text": {"type": "plain_text", "text": cut(_title(message), HEADER)}}]
    blocks += [_section(part) for part in parts(message)]
    return {"text": cut(escaped(_title(message)), TEXT), "blocks": [*blocks[: MOST_BLOCKS - 1], _footer(message)]}


def _news(message: Message) -> Block:
    """What is new, for the thread: with all that a person needs where one is asked for."""
    blocks = [_text(f"{_mark(message)} {escaped(message.news)}")]
    if message.occasion in _BROADCAST:
        blocks += [_section(part) for part in parts(message)]
    elif message.next_step:
        blocks.append(_section(Part("Next", (message.next_step,))))
    return {"text": cut(escaped(_title(message)), TEXT), "blocks": blocks[:MOST_BLOCKS]}


def _title(message: Message) -> str:
    return f"{_mark(message)} {message.title}"


def _mark(message: Message) -> str:
    if message.occasion is Occasion.CLOSED and not is_good(message):
        return _USUAL_MARK
    return _MARKS.get(message.occasion, _USUAL_MARK)


def _section(part: Part) -> Block:
    lines = [escaped(line) for line in part.lines]
    if part.verbatim:
        fenced = "\n".join(lines).replace("`", "\u02cb")
        return _text(f"*{escaped(part.heading)}*\n```{_fitting(fenced)}```")
    return _text(f"*{escaped(part.heading)}*\n" + _fitting("\n".join(f"\u2022 {line}" for line in lines)))


def _fitting(text: str) -> str:
    """The end of a text that is too long for a section: in a log, that is what matters."""
    room = SECTION - 300
    return text if len(text) <= room else "…" + text[-room:]


def _text(text: str) -> Block:
    """`verbatim`: names of channels and people in hostile text are not made into mentions."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, SECTION), "verbatim": True}}


def _footer(message: Message) -> Block:
    links = [
        f"<{_address(url)}|{name}>" for name, url in references(message) if url.startswith(("http://", "https://"))
    ]
    words = [f"incident {escaped(message.incident)}", f"rule {escaped(message.rule)}", *links]
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut(" · ".join(words), 1900), "verbatim": True}]}


def _address(url: str) -> str:
    """An address inside of a link, which ends at `|` and `>`."""
    return escaped(url.replace("|", "%7C").replace(" ", "%20"))
