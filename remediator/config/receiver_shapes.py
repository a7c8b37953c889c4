"""The models of whom people are told by: `receivers` and `notices`, with Alertmanager's keys where it has them.

Secrets are in files of their own: an incoming webhook's address and a routing key are secrets too.
"""

from __future__ import annotations

import re
from email.utils import getaddresses
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from remediator.config.http_shapes import FilePath, HttpConfigShape, TlsShape, Url
from remediator.config.problems import words
from remediator.config.rule_shapes import Name
from remediator.config.shapes import LongSeconds, Shape, Text, said

_SMARTHOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})")


def _printable(value: str) -> str:
    if not value.isprintable():
        raise said("holds characters that no header may hold", "write it on one line")
    return value


def _addresses(value: str) -> str:
    found = getaddresses([_printable(value)])
    if not found or not all(address.count("@") == 1 and not address.endswith("@") for _, address in found):
        raise said(f"`{value}` is not an address, or several", "write oncall@example.org, or A <a@x>, b@y")
    return value


def _one_address(value: str) -> str:
    if len(getaddresses([_addresses(value)])) != 1:
        raise said(f"`{value}` is not one address", "write remediator@example.org")
    return value


def _smarthost(value: str) -> str:
    match = _SMARTHOST.fullmatch(value)
    if match is None or not 0 < int(match[2]) < 65536:
        raise said(f"`{value}` is not a mail server", "write smtp.example.org:587")
    return value


Line = Annotated[Text, AfterValidator(_printable)]


class WebhookConfigShape(Shape):
    """One of `webhook_configs`."""

    later = frozenset({"max_alerts"})
    secrets: ClassVar = {"signing_secret": "signing_secret_file", "secret": "signing_secret_file"}

    url: Url | None = None
    url_file: FilePath | None = None
    signing_secret_file: FilePath | None = None
    send_resolved: bool | None = None
    timeout: LongSeconds | None = None
    http_config: HttpConfigShape | None = None

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        if (self.url is None) is (self.url_file is None):
            raise said("exactly one of `url` and `url_file` is needed", "write one of them")
        return self


class SlackConfigShape(Shape):
    """One of `slack_configs`."""

    later = words(
        "icon_url color pretext title title_link text fields footer actions mrkdwn_in link_names short_fields"
    )
    secrets: ClassVar = {"api_url": "api_url_file", "app_token": "app_token_file", "token": "app_token_file"}
    renamed: ClassVar = {"token_file": "app_token_file", "url_file": "api_url_file"}

    channel: Line | None = None
    app_token_file: FilePath | None = None
    app_url: Url | None = None
    api_url_file: FilePath | None = None
    username: Line | None = None
    icon_emoji: Line | None = None
    send_resolved: bool | None = None
    timeout: LongSeconds | None = None
    http_config: HttpConfigShape | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.app_token_file is None) is (self.api_url_file is None):
            raise said(
                "exactly one of `app_token_file` and `api_url_file` is needed",
                "write app_token_file (a bot's token, for threads), or api_url_file (an incoming webhook)",
            )
        if self.app_token_file is not None and self.channel is None:
            raise said("a bot has to be told the `channel`", "write `channel: '#oncall'`, or a channel's id")
        if self.app_url is not None and not self.app_url.endswith("/chat.postMessage"):
            raise said("does not end in /chat.postMessage", "leave it out for Slack itself", at=("app_url",))
        way = self.http_config
        if self.app_token_file is not None and way is not None and (way.authorization or way.basic_auth):
            raise said("the bot's token says who asks already", "write app_token_file alone", at=("http_config",))
        return self


class PagerdutyConfigShape(Shape):
    """One of `pagerduty_configs`."""

    later = words("description details images links class component group source")
    secrets: ClassVar = {"routing_key": "routing_key_file", "service_key": "routing_key_file"}
    renamed: ClassVar = {"service_key_file": "routing_key_file"}

    routing_key_file: FilePath
    url: Url | None = None
    severity: Literal["critical", "error", "warning", "info"] | None = None
    client: Line | None = None
    client_url: Url | None = None
    send_resolved: bool | None = None
    timeout: LongSeconds | None = None
    http_config: HttpConfigShape | None = None


class EmailConfigShape(Shape):
    """One of `email_configs`."""

    later = words("headers html text auth_secret auth_secret_file auth_identity threading")
    secrets: ClassVar = {"auth_password": "auth_password_file"}

    to: Annotated[Text, AfterValidator(_addresses)]
    from_: Annotated[Text, AfterValidator(_one_address), Field(alias="from")]
    smarthost: Annotated[Text, AfterValidator(_smarthost)]
    hello: Line | None = None
    auth_username: Line | None = None
    auth_password_file: FilePath | None = None
    require_tls: bool | None = None
    force_implicit_tls: bool | None = None
    tls_config: TlsShape | None = None
    send_resolved: bool | None = None
    timeout: LongSeconds | None = None

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if (self.auth_username is None) is not (self.auth_password_file is None):
            raise said("a login needs both `auth_username` and `auth_password_file`", "write both, or neither")
        return self


class ReceiverShape(Shape):
    """One of `receivers`."""

    later = words("opsgenie_configs msteams_configs msteamsv2_configs")
    renamed: ClassVar = {
        "webhook": "webhook_configs",
        "webhooks": "webhook_configs",
        "slack": "slack_configs",
        "pagerduty": "pagerduty_configs",
        "email": "email_configs",
    }

    name: Name
    webhook_configs: Annotated[list[WebhookConfigShape], Field(min_length=1)] | None = None
    slack_configs: Annotated[list[SlackConfigShape], Field(min_length=1)] | None = None
    pagerduty_configs: Annotated[list[PagerdutyConfigShape], Field(min_length=1)] | None = None
    email_configs: Annotated[list[EmailConfigShape], Field(min_length=1)] | None = None
    retry_for: LongSeconds | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not (self.webhook_configs or self.slack_configs or self.pagerduty_configs or self.email_configs):
            known = "webhook_configs, slack_configs, pagerduty_configs or email_configs"
            raise said("reaches nobody", f"write {known}")
        return self


class NoticesShape(Shape):
    """`notices`: on which occasions a thread begins, besides escalations, and with whom."""

    receiver: Name | None = None
    occasions: list[Literal["opened", "acted", "approval", "gitops", "failed", "refused"]] | None = None
