"""HTTP to Prometheus, Alertmanager and receivers: one way out, that obeys `http_config` whoever is asked.

Addresses may be secrets, so that errors name the host alone. A redirect to another server takes no secret there.
"""

from __future__ import annotations

import aiohttp
from aiohttp.client_exceptions import ClientConnectorError
from msgspec.structs import replace
from yarl import URL

from remediator import __version__
from remediator.clients.authorization import Authorizer, Headers, headers_of
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
        self._session: aiohttp.ClientSession | None = None
        self._contexts = Contexts()
        self._authorizer = Authorizer(self._token)

    async def ask(self, question: Question, config: HttpConfig) -> Replied:
        """Ask once and answer whatever the server says. Raises `NotPosted`."""
        host = _host(question.url)
        try:
            return await self._asked(question, config)
        except TimeoutError as error:
            raise NotPosted(f"{host} did not answer within {question.seconds:g} s") from error
        except aiohttp.ClientError as error:
            raise NotPosted(f"{host}: {_cause(error)}") from error
        except (OSError, ValueError) as error:
            raise NotPosted(f"{host}: {_line(str(error))}") from error

    async def close(self) -> None:
        """End all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

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
        async with self._connections().request(
            question.method,
            URL(question.url),
            data=question.body,
            headers=question.headers | secrets,
            timeout=aiohttp.ClientTimeout(total=question.seconds),
            allow_redirects=False,
            ssl=self._contexts.of(config.tls_config) or True,
            server_hostname=config.tls_config.server_name or None,
            proxy=proxy_of(config.proxying, question.url),
            proxy_headers=headers_of(config.proxy_connect_header) or None,
        ) as response:
            body, cut = await _read(response, question.most_bytes)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Replied(_host(question.url), response.status, body, headers, cut)

    async def _token(self, config: OAuth2, form: bytes, headers: Headers) -> tuple[int, bytes]:
        way = HttpConfig(
            tls_config=config.tls_config,
            proxy_url=config.proxy_url,
            no_proxy=config.no_proxy,
            proxy_from_environment=config.proxy_from_environment,
            proxy_connect_header=config.proxy_connect_header,
        )
        told = {"Content-Type": "application/x-www-form-urlencoded"} | headers
        replied = await self.ask(Question("POST", config.token_url, _TOKEN_SECONDS, form, told), way)
        return replied.status, replied.body

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, limit_per_host=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"remediator/{__version__}"},
            )
        return self._session


async def _read(response: aiohttp.ClientResponse, most_bytes: int) -> tuple[bytes, bool]:
    """The body, and whether there is more of it than may be read."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > most_bytes:
            return b"".join(parts)[:most_bytes], True
    return b"".join(parts), False


def _host(url: str) -> str:
    """The host of a URL, `NotPosted` where it is none for HTTP."""
    try:
        parsed = URL(url)
        host = parsed.host
    except ValueError:
        parsed, host = URL(), None
    if parsed.scheme not in ("http", "https") or not host:
        raise NotPosted("its address is no http:// or https:// URL")
    return host


def _cause(error: Exception) -> str:
    """Why a request failed. Only errors of connecting are sure to say no more of the address than its host."""
    return _line(str(error)) if isinstance(error, ClientConnectorError) else type(error).__name__


def _line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:_LONGEST]).strip()
