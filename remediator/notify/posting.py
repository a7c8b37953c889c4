"""One message as one POST of JSON: how it is sent, and what the answer means for the attempts that follow."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from remediator.clients.http_config import HttpConfig
from remediator.clients.outbound import NotPosted, Outbound, Question, Replied
from remediator.ports import Delivered

MOST_BYTES = 64 * 1024
"""Bytes read of an answer."""


class Refused(Exception):
    """An endpoint did not take a message; `delivered` says why, and when to try again."""

    def __init__(self, problem: str, retry_after: float = 0.0) -> None:
        super().__init__(problem)
        self.delivered = Delivered(problem, retry_after)


async def post(
    outbound: Outbound, url: str, body: bytes, config: HttpConfig, seconds: float, headers: dict[str, str] | None = None
) -> Replied:
    """Post once; raises `Refused` where no answer came, or one that is no 2xx."""
    json = {"Content-Type": "application/json"} | (headers or {})
    try:
        answer = await outbound.ask(Question("POST", url, seconds, body, json, MOST_BYTES), config)
    except (NotPosted, OSError, ValueError) as error:
        raise Refused(str(error)) from error
    if not answer.taken:
        raise Refused(f"{answer.host} answered {answer.status}: {answer.text}", retry_after(answer))
    return answer


def retry_after(answer: Replied) -> float:
    """The seconds that an answer asks to wait (RFC 9110, section 10.2.3: seconds or an instant); 0 where it does not.

    An instant is compared with the server's own clock, where it tells it.
    """
    said = answer.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    until, now = _instant(said), _instant(answer.headers.get("date", "")) or datetime.now(UTC)
    return max((until - now).total_seconds(), 0.0) if until else 0.0


def json_of(answer: Replied) -> dict[str, Any]:
    """The answer's body; empty where it is no JSON object."""
    try:
        found = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _instant(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
