"""What Prometheus tells beside answers to queries: its rules, the names of its metrics and of their labels."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import msgspec

from remediator.clients.outbound import NotPosted, Question, Replied
from remediator.clients.prometheus import FORM, Prometheus
from remediator.clients.query_answer import one_line

T = TypeVar("T")


class NotTold(Exception):
    """Prometheus did not say; the message says why."""


async def told(server: Prometheus, path: str, type_: Any, form: dict[str, str] | None = None) -> Any:
    """The data of an answer, of a type; asked by POST where a form is given. Raises `NotTold`."""
    body, headers = (urlencode(form).encode(), FORM) if form is not None else (None, {})
    question = Question("POST" if body is not None else "GET", server.url + path, server.timeout, body, headers)
    try:
        replied = await server.ask(question)
    except NotPosted as error:
        raise NotTold(str(error)) from error
    if not replied.taken or replied.cut:
        raise NotTold(f"{path.partition('?')[0]} answered {replied.status}: {_reason(replied) or 'nothing'}")
    try:
        said = msgspec.json.decode(replied.body, type=_Body[type_])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotTold(f"its answer is not understood: {str(error)[:200]}") from error
    if said.status != "success" or said.data is None or said.warnings:
        raise NotTold(f"its answer may be incomplete: {'; '.join(said.warnings)[:200] or said.error[:200]}")
    return said.data


def _reason(replied: Replied) -> str:
    """What the server says of a refusal: in its own form, or whatever it is."""
    try:
        return one_line(msgspec.json.decode(replied.body, type=_Body[msgspec.Raw]).error.encode()) or replied.text
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return replied.text


async def metric_names(server: Prometheus, since: datetime, until: datetime) -> frozenset[str]:
    """The names of all metrics that had a series between two instants, as far as it knows. Raises `NotTold`."""
    query = urlencode(_between(since, until))
    return frozenset(await told(server, f"/api/v1/label/__name__/values?{query}", list[str]))


async def label_names(server: Prometheus, metric: str, since: datetime, until: datetime) -> frozenset[str]:
    """The labels that any series of a metric had between two instants. Raises `NotTold`."""
    named = msgspec.json.encode(metric).decode()
    form = {"match[]": f"{{__name__={named}}}", **_between(since, until)}
    return frozenset(await told(server, "/api/v1/labels", list[str], form)) - {"__name__"}


def _between(since: datetime, until: datetime) -> dict[str, str]:
    return {"start": f"{since.timestamp():.3f}", "end": f"{until.timestamp():.3f}"}


class _Body(msgspec.Struct, Generic[T], frozen=True):
    status: str = ""
    data: T | None = None
    error: str = ""
    warnings: list[str] = []
