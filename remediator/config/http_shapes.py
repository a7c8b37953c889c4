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

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_RESERVED = words(
    "authorization host content-type content-length content-encoding transfer-encoding connection te trailer upgrade "
    "expect user-agent accept-encoding cookie proxy-authorization idempotency-key date"
)


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


def _headers(headers: dict[str, Any]) -> dict[str, Any]:
    """Headers that are ours to set; those that say who asks and what is sent have keys of their own."""
    for name in headers:
        if _TOKEN.fullmatch(name) is None:
            raise said(f"`{name}` is not the name of a header", "write letters, digits and dashes", at=(name,))
        if name.lower() in _RESERVED:
            remedy = "leave it out; who asks is said by `authorization`, `basic_auth` or `oauth2`"
            raise said(f"`{name}` is a header that requests have by themselves", remedy, at=(name,))
    return headers


def _proxy_headers(headers: dict[str, Any]) -> dict[str, Any]:
    """Headers of a CONNECT. Mostly it is `Proxy-Authorization`, and that is a secret."""
    for name, header in headers.items():
        if name.lower() != "proxy-authorization":
            _headers({name: header})
        elif header.values:
            raise said(f"`{name}` is a secret in this file", "write `files: […]`", at=(name, "values"))
    return headers


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
TlsVersion = Literal["TLS10", "TLS11", "TLS12", "TLS13"]


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


class ClientBasicAuthShape(Shape):
    """`basic_auth` of `http_config`: the name too may be in a file."""

    secrets: ClassVar = {"password": "password_file"}
    renamed: ClassVar = {"user": "username", "name": "username"}

    username: Text | None = None
    username_file: FilePath | None = None
    password_file: FilePath

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.username is None) is (self.username_file is None):
            raise said("exactly one of `username` and `username_file` is needed", "write one of them")
        return self


class TlsShape(Shape):
    """`tls_config`."""

    secrets: ClassVar = {"ca": "ca_file", "cert": "cert_file", "key": "key_file"}

    ca_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    server_name: Text | None = None
    insecure_skip_verify: bool | None = None
    min_version: TlsVersion | None = None
    max_version: TlsVersion | None = None

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.cert_file is None) is not (self.key_file is None):
            raise said(
                "a client certificate needs both `cert_file` and `key_file`",
                "write both, or neither",
                at=("cert_file",),
            )
        if self.min_version and self.max_version and self.min_version > self.max_version:
            raise said("no version of TLS is left", "write a `max_version` that is not below", at=("max_version",))
        return self


class HeaderShape(Shape):
    """One of `http_headers`."""

    secrets: ClassVar = {"secrets": "files"}

    values: list[Text] | None = None
    files: list[FilePath] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        for index, value in enumerate(self.values or ()):
            if not value.isprintable() or not value.isascii():
                raise said("has characters that no header may have", "write printable ASCII", at=("values", index))
        if not self.values and not self.files:
            raise said("says nothing", "write `values: […]` or `files: […]`")
        return self


class ProxyShape(Shape):
    """What says which proxy requests take, and what it is told beside."""

    proxy_url: Url | None = None
    no_proxy: Text | None = None
    proxy_from_environment: bool | None = None
    proxy_connect_header: Annotated[dict[str, HeaderShape], AfterValidator(_proxy_headers)] | None = None

    @model_validator(mode="after")
    def _one_proxy(self) -> Self:
        if self.proxy_from_environment and self.proxy_url:
            remedy = "write one of them"
            raise said("`proxy_url` and `proxy_from_environment` are both given", remedy, at=("proxy_url",))
        if self.no_proxy and not self.proxy_url:
            raise said("`no_proxy` without `proxy_url` says nothing", "write both, or neither", at=("no_proxy",))
        return self


class OAuth2Shape(ProxyShape):
    """`oauth2`: the grant of client credentials."""

    later = words("client_certificate_key_file")
    secrets: ClassVar = {"client_secret": "client_secret_file"}

    client_id: Text
    client_secret_file: FilePath
    token_url: Url
    grant_type: Literal["client_credentials"] | None = None
    scopes: list[Text] | None = None
    endpoint_params: dict[str, str] | None = None
    tls_config: TlsShape | None = None


class HttpConfigShape(ProxyShape):
    """`http_config`, as in prometheus.yml."""

    refused: ClassVar = {
        "sigv4": "let a proxy sign that runs beside remediator, as aws-sigv4-proxy does, and write its loopback "
        "address as `url`; a gateway that takes a token goes by `authorization` or `oauth2`"
    }
    secrets: ClassVar = {
        "bearer_token": "authorization: {credentials_file: …}",
        "bearer_token_file": "authorization: {credentials_file: …}",
    }

    authorization: AuthorizationShape | None = None
    basic_auth: ClientBasicAuthShape | None = None
    oauth2: OAuth2Shape | None = None
    tls_config: TlsShape | None = None
    http_headers: Annotated[dict[str, HeaderShape], AfterValidator(_headers)] | None = None
    follow_redirects: bool | None = None
    enable_http2: bool | None = None

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        ways = [name for name in ("authorization", "basic_auth", "oauth2") if getattr(self, name)]
        if len(ways) > 1:
            raise said(f"`{ways[0]}` and `{ways[1]}` are both given", "write one of them", at=(ways[1],))
        return self


class OperatorShape(Shape):
    """One of `operators`."""

    secrets: ClassVar = {"token": "token_file"}

    name: Name
    token_file: FilePath
    roles: Annotated[list[Literal["view", "approve", "admin"]], Field(min_length=1)]


class KubernetesAuthShape(Shape):
    """`web.auth.kubernetes`."""

    enabled: bool | None = None
    audiences: Annotated[list[Text], Field(min_length=1)] | None = None


class WebAuthShape(Shape):
    """`web.auth`."""

    secrets: ClassVar = {"webhook_token": "webhook_token_file"}
    renamed: ClassVar = {"basic_auth": "webhook_basic_auth", "token_file": "webhook_token_file"}

    webhook_token_file: FilePath | None = None
    webhook_basic_auth: BasicAuthShape | None = None
    operators: Annotated[list[OperatorShape], AfterValidator(unique_names)] | None = None
    kubernetes: KubernetesAuthShape | None = None


class WebTlsShape(Shape):
    """`web.tls_config`."""

    renamed: ClassVar = {"ca_file": "client_ca_file"}

    cert_file: FilePath
    key_file: FilePath
    min_version: Literal["TLS12", "TLS13"] | None = None
    client_ca_file: FilePath | None = None


class WebShape(Shape):
    """`web`."""

    listen: Annotated[Text, AfterValidator(_listen)] | None = None
    auth: WebAuthShape | None = None
    max_request_bytes: Annotated[int, Field(ge=1024)] | None = None
    inbox_limit_bytes: Annotated[int, Field(ge=1024)] | None = None
    external_url: Url | None = None
    tls_config: WebTlsShape | None = None
