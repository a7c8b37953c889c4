"""The models of what settings say about HTTP: how servers are spoken to, how the own one listens, whom it trusts.

Secrets are in files of their own; a key that would hold one is refused with the key that names its file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from remediator.config.problems import words
from remediator.config.rule_shapes import Name
from remediator.config.shapes import Shape, Text, said

_LISTEN = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]*):([0-9]{1,5})")


def _path(value: str, info: ValidationInfo) -> str:
    """A path relative to the settings file."""
    return str(Path(info.context or ".") / value)


def _url(value: str) -> str:
    if "@" in value.partition("?")[0]:  # first of all: no message may show it
        raise said("a password in a URL is a secret in this file", "write `http_config: {basic_auth: …}` with a file")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise said(f"`{value}` is not a URL: {error}", "write http://host:port/path") from None
    if parts.scheme not in ("http", "https") or not host or not value.isprintable() or " " in value:
        raise said(f"`{value}` is not the URL of an HTTP server", "write http://host:port/path")
    return value


def _listen(value: str) -> str:
    match = _LISTEN.fullmatch(value)
    if match is None or int(match[2]) > 65535:
        raise said(f"`{value}` is not an address to listen on", "write 127.0.0.1:8080, or 0.0.0.0:8080 for all")
    return value


def unique_names(entries: list[Any]) -> list[Any]:
    """Entries none of which has the name of another."""
    seen: set[str] = set()
    for index, each in enumerate(entries):
        if each.name in seen:
            remedy = "choose another name for one of them"
            raise said(f"the name `{each.name}` is there twice", remedy, at=(index, "name"))
        seen.add(each.name)
    return entries


FilePath = Annotated[Text, AfterValidator(_path)]
Url = Annotated[Text, AfterValidator(_url)]


class AuthorizationShape(Shape):
    """`authorization`."""

    secrets: ClassVar = {"credentials": "credentials_file"}

    type: Text | None = None
    credentials_file: FilePath


class BasicAuthShape(Shape):
    """`basic_auth`."""

    secrets: ClassVar = {"password": "password_file"}
    renamed: ClassVar = {"user": "username", "name": "username"}

    username: Text
    password_file: FilePath


class TlsShape(Shape):
    """`tls_config`."""

    later = frozenset({"min_version", "max_version"})
    secrets: ClassVar = {"ca": "ca_file", "cert": "cert_file", "key": "key_file"}

    ca_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    server_name: Text | None = None
    insecure_skip_verify: bool | None = None

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.cert_file is None) is not (self.key_file is None):
            raise said(
                "a client certificate needs both `cert_file` and `key_file`",
                "write both, or neither",
                at=("cert_file",),
            )
        return self


class HttpConfigShape(Shape):
    """`http_config`, as in prometheus.yml."""

    later = words(
        "oauth2 sigv4 proxy_url no_proxy proxy_from_environment proxy_connect_header follow_redirects enable_http2 "
        "http_headers"
    )
    secrets: ClassVar = {
        "bearer_token": "authorization: {credentials_file: …}",
        "bearer_token_file": "authorization: {credentials_file: …}",
    }

    authorization: AuthorizationShape | None = None
    basic_auth: BasicAuthShape | None = None
    tls_config: TlsShape | None = None

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.authorization and self.basic_auth:
            raise said("`authorization` and `basic_auth` are both given", "write one of them", at=("basic_auth",))
        return self


class OperatorShape(Shape):
    """One of `operators`."""

    secrets: ClassVar = {"token": "token_file"}

    name: Name
    token_file: FilePath
    roles: Annotated[list[Literal["view", "approve", "admin"]], Field(min_length=1)]


class WebAuthShape(Shape):
    """`web.auth`."""

    secrets: ClassVar = {"webhook_token": "webhook_token_file"}
    renamed: ClassVar = {"basic_auth": "webhook_basic_auth", "token_file": "webhook_token_file"}

    webhook_token_file: FilePath | None = None
    webhook_basic_auth: BasicAuthShape | None = None
    operators: Annotated[list[OperatorShape], AfterValidator(unique_names)] | None = None


class WebShape(Shape):
    """`web`."""

    later = frozenset({"tls_config", "external_url"})

    listen: Annotated[Text, AfterValidator(_listen)] | None = None
    auth: WebAuthShape | None = None
    max_request_bytes: Annotated[int, Field(ge=1024)] | None = None
    inbox_limit_bytes: Annotated[int, Field(ge=1024)] | None = None
