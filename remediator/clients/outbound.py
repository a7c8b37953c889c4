"""HTTP to Prometheus, Alertmanager and receivers: one way out, that obeys `http_config` whoever is asked.

Addresses may be secrets, so that errors name the host alone. A redirect to another server takes no secret there.
"""

from __future__ import annotations

from msgspec.structs import replace

from remediator.clients.address import address
from remediator.clients.arriving import Late, Lost, NeverSent
from remediator.clients.authorization import Authorizer, Headers, headers_of
from remediator.clients.connecting import Way, usual_tls
from remediator.clients.http import Asked, Http
from remediator.clients.http_config import HttpConfig, OAuth2
from remediator.clients.tls import Contexts
from remediator.clients.ways import onward, proxy_of, same_place
from remediator.core.model import Value

MOST_HOPS = 5
"""Redirects followed for one request."""

MOST_BYTES = 32 * 1024 * 1024
"""Bytes of one answer."""

CONNECTIONS = 16
"""Connections to one server."""

_LONGEST = 200
"""Characters kept of what an endpoint says."""

_TOKEN_SECONDS = 10.0


class Question(Value, frozen=True):
    """A request: asked once within `seconds`, of whose answer at most `most_bytes` are read."""

    method: str
    url: str
    seconds: float
    body: bytes | None = None
    headers: dict[str, str] = {}
    most_bytes: int = MOST_BYTES


class Replied(Value, frozen=True):
    """An answer: who gave it, its status, its body (`cut` where there is more), headers by names in lower case."""

    host: str
    status: int
    body: bytes
    headers: dict[str, str] = {}
    cut: bool = False

    @property
    def text(self) -> str:
        """The beginning of the body, on one line."""
        return _line(self.body[: 4 * _LONGEST].decode("utf-8", "replace"))

    @property
    def taken(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300


class NotPosted(Exception):
    """No answer came; the message says from which host and why, without the rest of the address."""


class Outbound:
    """Requests over kept connections; `close` gives them back."""

    def __init__(self) -> None:
        self._http = Http(CONNECTIONS)
        self._contexts = Contexts()
        self._authorizer = Authorizer(self._token)

    async def ask(self, question: Question, config: HttpConfig) -> Replied:
        """Ask once and answer whatever the server says. Raises `NotPosted`."""
        host = _host(question.url)
        try:
            return await self._asked(question, config)
        except Late as error:
            raise NotPosted(f"{host} did not answer within {question.seconds:g} s") from error
        except (NeverSent, Lost, OSError, ValueError) as error:
            raise NotPosted(f"{host}: {_line(str(error)) or type(error).__name__}") from error

    async def close(self) -> None:
        """End all connections."""
        await self._http.aclose()

    async def _asked(self, question: Question, config: HttpConfig) -> Replied:
        """The answer, of another place where a redirect leads there."""
        secrets = await self._authorizer.headers(config)
        replied = await self._once(question, config, secrets)
        for _ in range(MOST_HOPS):
            there = onward(question.method, question.url, replied.status, replied.headers.get("location", ""))
            if not there or not config.follow_redirects:
                break
            secrets = secrets if same_place(question.url, there) else {}
            question = replace(question, url=there)
            replied = await self._once(question, config, secrets)
        if replied.status == 401:
            self._authorizer.refused(config)
        return replied

    async def _once(self, question: Question, config: HttpConfig, secrets: Headers) -> Replied:
        there, tls = address(question.url), config.tls_config
        proxy = proxy_of(config.proxying, question.url)
        context = (self._contexts.of(tls) or usual_tls()) if there.tls else None
        told = tuple(headers_of(config.proxy_connect_header).items()) if proxy else ()
        way = Way(there.host, there.port, context, tls.server_name, address(proxy) if proxy else None, told)
        headers, body = question.headers | secrets, question.body or b""
        asked = Asked(way, question.method, there, headers, body, question.seconds, None, question.most_bytes)
        answered = await self._http.ask(asked)
        return Replied(there.host, answered.status, answered.body, dict(answered.headers), answered.cut)

    async def _token(self, config: OAuth2, form: bytes, headers: Headers) -> tuple[int, bytes]:
        way = HttpConfig(
            tls_config=config.tls_config,
            proxy_url=config.proxy_url,
            no_proxy=config.no_proxy,
            proxy_from_environment=config.proxy_from_environment,
            proxy_connect_header=config.proxy_connect_header,
        )
        told = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"} | headers
        replied = await self.ask(Question("POST", config.token_url, _TOKEN_SECONDS, form, told), way)
        return replied.status, replied.body


def _host(url: str) -> str:
    """The host of a URL, `NotPosted` where it is none for HTTP."""
    try:
        return address(url).host
    except ValueError as error:
        raise NotPosted(str(error)) from error


def _line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:_LONGEST]).strip()
