"""Operators' small requests: read as they should be, within bounds of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.requests import Request

from remediator.server.answers import Word
from remediator.server.body import LARGEST_WORD, read_json
from remediator.server.refusal import Refused


def request(*parts: bytes, ends: bool = True) -> Request:
    """A request whose body comes in these parts, and perhaps never ends."""
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]

    async def receive() -> Any:
        if waiting:
            return waiting.pop(0)
        if not ends:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    return Request(scope, receive)


async def refusal(reading: Awaitable[Any]) -> Refused:
    with pytest.raises(Refused) as refused:
        await reading
    return refused.value


Read = Callable[..., Awaitable[Word]]


async def test_it_may_come_in_parts() -> None:
    assert await read_json(request(b'{"pl', b'an": "p1"}'), Word, "x") == Word("p1")


async def test_one_that_drips_without_end_is_given_up() -> None:
    found = await refusal(read_json(request(b'{"plan":', ends=False), Word, "x", seconds=0.01))
    assert (found.status, found.reason) == (408, "the body did not arrive within 0.01 s")


async def test_one_that_grows_without_end_is_not_kept() -> None:
    parts = (b" " * 1000,) * (LARGEST_WORD // 1000 + 1)
    assert (await refusal(read_json(request(*parts), Word, "x"))).status == 413


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"plan": 1}', b'{"plan": "p", "more": 1}', b'{"plan": "\xff"}'])
async def test_another_form_is_told_with_the_right_one(body: bytes) -> None:
    found = await refusal(read_json(request(body), Word, '{"plan": "…"}'))
    assert found.status == 400
    assert 'must be as {"plan": "…"}' in found.reason
