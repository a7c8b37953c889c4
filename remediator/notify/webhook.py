"""The generic webhook endpoint of a receiver: POST of the message as JSON, 2xx is taken."""

from __future__ import annotations

import msgspec

from remediator.clients.http_config import secret_in
from remediator.clients.outbound import NotPosted, Outbound
from remediator.config.settings import WebhookConfig
from remediator.ports import Delivery


async def send(outbound: Outbound, endpoint: WebhookConfig, delivery: Delivery) -> str:
    """Post once; empty where it was taken, else why not. Files named by the settings are read every time."""
    try:
        answer = await outbound.post(
            endpoint.url or secret_in(endpoint.url_file),
            msgspec.json.encode(delivery.body),
            {"Idempotency-Key": _printable(delivery.key)},
            endpoint.http_config,
            endpoint.timeout,
        )
    except (NotPosted, OSError, ValueError) as error:
        return str(error)
    return "" if answer.taken else f"{answer.host} answered {answer.status}: {answer.text}"


def _printable(key: str) -> str:
    """The key, fit for a header."""
    return "".join(char if char.isascii() and char.isprintable() else "_" for char in key)
