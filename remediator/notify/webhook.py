"""The generic webhook endpoint of a receiver: POST of the message as JSON, 2xx is taken."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path

import msgspec

from remediator.clients.outbound import NotPosted, Outbound
from remediator.config.settings import HttpConfig, Tls, WebhookConfig
from remediator.ports import Delivery


async def send(outbound: Outbound, endpoint: WebhookConfig, delivery: Delivery) -> str:
    """Post once; empty where it was taken, else why not. Files named by the settings are read every time."""
    try:
        headers = {"Idempotency-Key": _printable(delivery.key)} | _authorization(endpoint.http_config)
        answer = await outbound.post(
            endpoint.url or _secret(endpoint.url_file),
            msgspec.json.encode(delivery.body),
            headers,
            timeout=endpoint.timeout,
            tls=_tls(endpoint.http_config.tls_config),
            server_name=endpoint.http_config.tls_config.server_name or None,
        )
    except (NotPosted, OSError, ValueError) as error:
        return str(error)
    return "" if answer.taken else f"{answer.host} answered {answer.status}: {answer.text}"


def _authorization(config: HttpConfig) -> dict[str, str]:
    if config.authorization is not None:
        value = f"{config.authorization.type} {_secret(config.authorization.credentials_file)}"
    elif config.basic_auth is not None:
        pair = f"{config.basic_auth.username}:{_secret(config.basic_auth.password_file)}"
        value = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        return {}
    return {"Authorization": value}


def _secret(file: str) -> str:
    """What a file holds, one line of it; `ValueError` naming the file, never its content."""
    try:
        text = Path(file).read_text().strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no text") from error
    if not text or not text.isprintable():
        raise ValueError(f"{file} must hold one line")
    return text


def _tls(config: Tls) -> ssl.SSLContext | None:
    """What the settings say about certificates; `None` where they say nothing."""
    if config == Tls() or config == Tls(server_name=config.server_name):
        return None
    context = ssl.create_default_context(cafile=config.ca_file or None)
    if config.cert_file:
        context.load_cert_chain(config.cert_file, config.key_file or None)
    if config.insecure_skip_verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _printable(key: str) -> str:
    """The key, fit for a header."""
    return "".join(char if char.isascii() and char.isprintable() else "_" for char in key)
