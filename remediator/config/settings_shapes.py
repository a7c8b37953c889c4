"""The models of the settings file. A key of docs/settings.md is a field here, or in `later` until this version does it.

Defaults stand in `settings.py` alone: what is not written is not dumped.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from remediator.config.problems import words
from remediator.config.rule_shapes import GuardsShape, Labels, Name
from remediator.config.shapes import LongSeconds, ModeName, Seconds, Shape, Text, not_yet, said
from remediator.core.rules import Protected

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_PAIR = re.compile(rf"(?:[a-z0-9.-]+/)?{_NAME}=(?:{_NAME})?")
_LISTEN = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]*):([0-9]{1,5})")


def _path(value: str, info: ValidationInfo) -> str:
    """A path relative to the settings file."""
    return str(Path(info.context or ".") / value)


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise said(f"`{value}` is not a URL: {error}", "write http://host:port/path") from None
    if parts.scheme not in ("http", "https") or not host or not value.isprintable() or " " in value:
        raise said(f"`{value}` is not the URL of an HTTP server", "write http://host:port/path")
    if "@" in parts.netloc:
        raise said("a password in a URL is a secret in this file", "write `http_config: {basic_auth: …}` with a file")
    return value


def _storage(value: str) -> str:
    if value.startswith(("postgresql:", "postgres:", "postgresql+")):
        raise said(*not_yet("postgresql"))
    if not value.startswith("sqlite:///") or not value.strip("/").startswith("sqlite:///") or "?" in value:
        raise said(f"`{value}` is not where a journal can be", "write sqlite:///var/lib/remediator/journal.db")
    return value


def _listen(value: str) -> str:
    match = _LISTEN.fullmatch(value)
    if match is None or int(match[2]) > 65535:
        raise said(f"`{value}` is not an address to listen on", "write 127.0.0.1:8080, or 0.0.0.0:8080 for all")
    return value


def _selector(value: str) -> str:
    if not all(_PAIR.fullmatch(each) for each in value.split(",")):
        raise said(f"`{value}` is not a selector of name=value pairs", "write app.kubernetes.io/part-of=monitoring")
    return value


def _unique(entries: list[Any]) -> list[Any]:
    names = [each.name for each in entries]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise said(f"the name `{twice}` is there twice", "choose another name for one of them")
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
            raise said("a client certificate needs both `cert_file` and `key_file`", "write both, or neither")
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
            raise said("`authorization` and `basic_auth` are both given", "write one of them")
        return self


class StorageShape(Shape):
    """`storage`."""

    renamed: ClassVar = {"path": "url"}

    url: Annotated[Text, AfterValidator(_storage)] | None = None
    retention: LongSeconds | None = None


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
    operators: Annotated[list[OperatorShape], AfterValidator(_unique)] | None = None


class WebShape(Shape):
    """`web`."""

    later = frozenset({"tls_config", "external_url"})

    listen: Annotated[Text, AfterValidator(_listen)] | None = None
    auth: WebAuthShape | None = None
    max_request_bytes: Annotated[int, Field(ge=1024)] | None = None
    inbox_limit_bytes: Annotated[int, Field(ge=1024)] | None = None


class PrometheusShape(Shape):
    """`prometheus`."""

    url: Url
    timeout: LongSeconds | None = None
    http_config: HttpConfigShape | None = None


class AlertmanagerShape(Shape):
    """`alertmanager`."""

    url: Url
    interval: LongSeconds | None = None
    http_config: HttpConfigShape | None = None


class KubernetesShape(Shape):
    """`kubernetes`."""

    kubeconfig: FilePath | None = None
    context: Text | None = None


class LeaderElectionShape(Shape):
    """`leader_election`."""

    enabled: bool | None = None
    lease: Text | None = None
    namespace: Text | None = None
    duration: LongSeconds = 15.0
    renew: LongSeconds = 10.0
    retry: LongSeconds = 2.0

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.enabled:
            raise said(*not_yet("leader_election.enabled"))
        if not self.retry < self.renew < self.duration:
            raise said("a lease must outlast its renewal, and that its retry", "write retry < renew < duration")
        return self


class ProtectedShape(Shape):
    """`protected`: what is listed, and what is protected in any case."""

    namespaces: list[Text] = []
    selectors: list[Annotated[str, AfterValidator(_selector)]] = []

    @model_validator(mode="after")
    def _always(self) -> Self:
        self.namespaces.extend(each for each in Protected().namespaces if each not in self.namespaces)
        return self


class WebhookConfigShape(Shape):
    """One of `webhook_configs`."""

    later = frozenset({"send_resolved", "max_alerts"})

    url: Url | None = None
    url_file: FilePath | None = None
    timeout: LongSeconds | None = None
    http_config: HttpConfigShape | None = None

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) is (self.url_file is None):
            raise said("exactly one of `url` and `url_file` is needed", "write one of them")
        return self


class ReceiverShape(Shape):
    """One of `receivers`."""

    later = words("slack_configs pagerduty_configs email_configs opsgenie_configs msteams_configs")
    renamed: ClassVar = {"webhook": "webhook_configs", "webhooks": "webhook_configs"}

    name: Name
    webhook_configs: Annotated[list[WebhookConfigShape], Field(min_length=1)]


class LogShape(Shape):
    """`log`."""

    level: Literal["debug", "info", "warning", "error"] | None = None
    format: Literal["json", "text"] | None = None


class SettingsShape(Shape):
    """The settings file."""

    later = frozenset({"time_intervals"})
    renamed: ClassVar = {
        "global": "evaluation_interval",
        "groups": "rule_files",
        "rules": "rule_files",
        "dry_run": "mode: observe",
        "database": "storage",
        "listen": "web.listen",
    }

    mode: ModeName | None = None
    rule_files: list[FilePath] | None = None
    evaluation_interval: LongSeconds | None = None
    external_labels: Labels | None = None
    storage: StorageShape | None = None
    web: WebShape | None = None
    prometheus: PrometheusShape | None = None
    alertmanager: AlertmanagerShape | None = None
    kubernetes: KubernetesShape | None = None
    leader_election: LeaderElectionShape | None = None
    guards: GuardsShape | None = None
    protected: ProtectedShape | None = None
    receivers: Annotated[list[ReceiverShape], AfterValidator(_unique)] | None = None
    log: LogShape | None = None
    shutdown_grace: Seconds | None = None
