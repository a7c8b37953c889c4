"""POST requests to receivers' endpoints. Their addresses may be secrets, so that errors name the host alone."""

from __future__ import annotations

import ssl

import aiohttp
from aiohttp.client_exceptions import ClientConnectorError
from yarl import URL

from remediator import __version__
from remediator.core.model import Value

_LONGEST = 200
"""Characters kept of what an endpoint answers."""


class Posted(Value, frozen=True):
    """An endpoint's answer: its status, and the beginning of its text on one line."""

    host: str
    status: int
    text: str

    @property
    def taken(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300


class NotPosted(Exception):
    """No answer came; the message says from which host and why, without the rest of the address."""


class Outbound:
    """Posts over kept connections, without following redirects; `close` gives the connections back."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self,
        url: str,
        body: bytes,
        headers: dict[str, str],
        *,
        timeout: float,  # noqa: ASYNC109  of the endpoint's settings, for one attempt
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
    ) -> Posted:
        """Post JSON once within `timeout` seconds. `tls` absent: the system's certificate authorities."""
        host = _host(url)
        try:
            async with self._connections().post(
                url,
                data=body,
                headers={"Content-Type": "application/json"} | headers,
                timeout=aiohttp.ClientTimeout(total=timeout),
                allow_redirects=False,
                ssl=tls or True,
                server_hostname=server_name,
            ) as response:
                text = (await response.content.read(4 * _LONGEST)).decode("utf-8", "replace")
                return Posted(host, response.status, _line(text))
        except TimeoutError as error:
            raise NotPosted(f"{host} did not answer within {timeout:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotPosted(f"{host}: {_cause(error)}") from error

    async def close(self) -> None:
        """End all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=16),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"remediator/{__version__}"},
            )
        return self._session


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
