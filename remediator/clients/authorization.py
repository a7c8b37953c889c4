"""The headers that say who asks, and OAuth2's tokens behind them: kept until shortly before they expire."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote_plus, urlencode

import msgspec

from remediator.clients.http_config import BasicAuth, Header, HttpConfig, OAuth2, secret_in
from remediator.core.model import Value

EARLY = 10.0
"""Seconds before its end from which a token is renewed, as Go's oauth2 does."""

Headers = dict[str, str]
Post = Callable[[OAuth2, bytes, Headers], Awaitable[tuple[int, bytes]]]
"""Posts a form to the token's server: the status and the body of its answer. Raises `ValueError` or `OSError`."""


class _Answer(Value, frozen=True):
    access_token: str = ""
    token_type: str = "Bearer"
    expires_in: float | str | None = None


class _Token(Value, frozen=True):
    """A header's value, up to when it may be used, and the secret that it was given for."""

    value: str
    until: float
    secret: str


class Authorizer:
    """Says who asks. Files are read each time; one token at a time is asked for, whoever waits for it."""

    def __init__(self, post: Post, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._post, self._monotonic = post, monotonic
        self._tokens: dict[bytes, _Token] = {}
        self._in_body: set[str] = set()
        self._one = asyncio.Lock()

    async def headers(self, config: HttpConfig) -> Headers:
        """All headers of the settings. Raises as `secret_in` does, and `ValueError` where no token is to be had."""
        named = headers_of(config.http_headers)
        if config.authorization is not None:
            value = f"{config.authorization.type} {secret_in(config.authorization.credentials_file)}"
        elif config.basic_auth is not None:
            value = _basic(_name(config.basic_auth), _password(config.basic_auth))
        elif config.oauth2 is not None:
            value = await self._token(config.oauth2)
        else:
            return named
        return named | {"Authorization": value}

    def refused(self, config: HttpConfig) -> None:
        """The server answered 401: the token is not used again."""
        if config.oauth2 is not None:
            self._tokens.pop(_key(config.oauth2), None)

    async def _token(self, config: OAuth2) -> str:
        async with self._one:
            secret, key = secret_in(config.client_secret_file), _key(config)
            token = self._tokens.get(key)
            if token is None or token.secret != secret or self._monotonic() >= token.until:
                token = self._tokens[key] = await self._fresh(config, secret)
            return token.value

    async def _fresh(self, config: OAuth2, secret: str) -> _Token:
        asked_at = self._monotonic()
        status, body = await self._asked(config, secret)
        try:
            answer = msgspec.json.decode(body, type=_Answer, strict=False)
            lasts = float(answer.expires_in or "inf")
        except (msgspec.MsgspecError, ValueError, UnicodeDecodeError, RecursionError):
            answer, lasts = _Answer(), 0.0
        token = answer.access_token
        if not 200 <= status < 300 or not token or not (token.isascii() and token.isprintable()):
            raise ValueError(f"no token from {config.token_url}: it answered {status}")
        scheme = "Bearer" if answer.token_type.lower() == "bearer" else answer.token_type
        return _Token(f"{scheme} {token}", asked_at + lasts - EARLY, secret)

    async def _asked(self, config: OAuth2, secret: str) -> tuple[int, bytes]:
        """The server's answer. It is told who asks in a header, or, where it refuses that, in the form."""
        form = {"grant_type": "client_credentials"} | dict(config.endpoint_params)
        if config.scopes:
            form["scope"] = " ".join(config.scopes)
        if config.token_url not in self._in_body:
            header = {"Authorization": _basic(quote_plus(config.client_id), quote_plus(secret))}
            status, body = await self._post(config, urlencode(form).encode(), header)
            if status not in (400, 401, 403):
                return status, body
        form |= {"client_id": config.client_id, "client_secret": secret}
        status, body = await self._post(config, urlencode(form).encode(), {})
        if 200 <= status < 300:
            self._in_body.add(config.token_url)
        return status, body


def headers_of(written: Mapping[str, Header]) -> Headers:
    """Headers with what their files hold now. Raises as `secret_in` does."""
    return {name: ", ".join((*each.values, *map(secret_in, each.files))) for name, each in written.items()}


def _basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def _name(config: BasicAuth) -> str:
    return secret_in(config.username_file) if config.username_file else config.username


def _password(config: BasicAuth) -> str:
    return secret_in(config.password_file) if config.password_file else ""


def _key(config: OAuth2) -> bytes:
    return msgspec.json.encode(config)
