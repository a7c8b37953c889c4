"""Prometheus as it is asked: prometheus-api-client's connection, with a way to query that loses nothing of the answer.

The library drops warnings and error types, retries for seconds and costs seven times the CPU: a query goes straight
over `Outbound`, and so does, by way of a thread, whatever else the library can ask.
"""

from __future__ import annotations

import asyncio
import functools
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import requests
from msgspec.structs import replace
from prometheus_api_client.prometheus_connect import PrometheusConnect
from requests.adapters import BaseAdapter
from urllib3.util.retry import Retry

from remediator.clients.http_config import HttpConfig
from remediator.clients.outbound import MOST_BYTES, NotPosted, Outbound, Question, Replied
from remediator.clients.query_answer import Answer, Unknown, read_answer
from remediator.clients.skew import Skew

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Prometheus(PrometheusConnect):
    """One server. `timeout` in seconds, of a whole query. `query` is for the event loop; what is inherited blocks, and
    is for threads beside a running loop.
    """

    def __init__(
        self,
        url: str,
        timeout: float = 10.0,
        http_config: HttpConfig | None = None,
        outbound: Outbound | None = None,
        most_bytes: int = MOST_BYTES,
        skew: Skew | None = None,
    ) -> None:
        session = requests.Session()
        session.trust_env = False  # neither proxies nor passwords that the settings do not name
        super().__init__(url.rstrip("/"), retry=Retry(0), session=session)
        self._http, self.timeout, self._most_bytes = http_config or HttpConfig(), timeout, most_bytes
        self._outbound, self.skew = outbound or Outbound(), skew or Skew()
        session.mount(self.url, _OverOutbound(self._http, most_bytes))

    async def query(self, expr: str, at: datetime) -> Answer:
        """The answer as of an instant of our clock, asked once. Whatever goes wrong is `Unknown` with the reason."""
        instant = self.skew.theirs(at)
        form = f"{_encoded(expr, self.timeout)}&time={instant.timestamp():.3f}"
        question = Question("POST", f"{self.url}/api/v1/query", self.timeout, form.encode(), FORM)
        try:
            replied = await self.ask(question)
        except NotPosted as error:
            return Unknown(f"cannot be asked: {error}")
        if replied.cut:
            return Unknown(f"the answer is larger than {self._most_bytes} bytes: ask for less", reached=True)
        if self.skew.reason:
            return Unknown(self.skew.reason)
        return read_answer(replied.status, replied.body)

    async def ask(self, question: Question) -> Replied:
        """Ask the server something of its API, and learn from the answer what its clock shows. Raises `NotPosted`."""
        sent = self.skew.now()
        replied = await self._outbound.ask(replace(question, most_bytes=self._most_bytes), self._http)
        self.skew.learn(sent, replied.headers.get("date", ""))
        return replied

    async def aclose(self) -> None:
        """End all connections."""
        self.close()
        await self._outbound.close()


@functools.lru_cache(maxsize=16_384)
def _encoded(expr: str, timeout: float) -> str:
    """The part of a form that is the same at each tick."""
    return urlencode({"query": expr, "timeout": f"{timeout:g}s"})


class _OverOutbound(BaseAdapter):
    """Takes what the library asks over `Outbound`, so that `http_config` holds for it too."""

    def __init__(self, config: HttpConfig, most_bytes: int) -> None:
        super().__init__()
        self._config, self._most_bytes = config, most_bytes
        self.max_retries = Retry(0)

    def send(self, request: requests.PreparedRequest, *_: Any, **rest: Any) -> requests.Response:
        """See `BaseAdapter`. Not for the event loop, which it would hold up."""
        question = Question(
            str(request.method),
            str(request.url),
            rest.get("timeout") or 30.0,
            _bytes(request.body),
            {name: str(value) for name, value in request.headers.items()},
            self._most_bytes,
        )
        try:
            replied = asyncio.run(_alone(question, self._config))
        except NotPosted as error:
            raise requests.ConnectionError(str(error)) from error
        response = requests.Response()
        response.request, response.url, response.status_code = request, question.url, replied.status
        response.reason, response._content = HTTPStatus(replied.status).phrase, replied.body
        response.headers["Content-Type"] = replied.headers.get("content-type", "")
        return response

    def close(self) -> None:
        """See `BaseAdapter`."""


def _bytes(body: Any) -> bytes | None:
    return body.encode() if isinstance(body, str) else body


async def _alone(question: Question, config: HttpConfig) -> Replied:
    outbound = Outbound()
    try:
        return await outbound.ask(question, config)
    finally:
        await outbound.close()
