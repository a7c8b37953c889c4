"""The generic webhook of a receiver: POST of the message as JSON, 2xx is taken.

Signed as the Standard Webhooks specification says (standardwebhooks.com), for which verifiers exist in most languages.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable

import msgspec

from remediator.clients.http_config import secret_in
from remediator.clients.outbound import Outbound
from remediator.config.settings import WebhookConfig
from remediator.notify.posting import Refused, post
from remediator.ports import Delivered, Delivery

_PREFIX = "whsec_"


class Webhook:
    """One entry of `webhook_configs`. `clock` gives seconds since 1970."""

    def __init__(self, config: WebhookConfig, outbound: Outbound, clock: Callable[[], float] = time.time) -> None:
        self._config, self._outbound, self._clock = config, outbound, clock

    async def send(self, delivery: Delivery) -> Delivered:
        """Post once. Files named by the settings are read every time. Raises `Refused`."""
        config, body, key = self._config, body_of(delivery), _printable(delivery.key)
        try:
            url = config.url or secret_in(config.url_file)
            headers = {"Idempotency-Key": key, "Webhook-Id": key, **self._signed(key, body)}
        except (OSError, ValueError) as error:
            raise Refused(str(error)) from error
        await post(self._outbound, url, body, config.http_config, config.timeout, headers)
        return Delivered()

    def _signed(self, key: str, body: bytes) -> dict[str, str]:
        at = str(int(self._clock()))
        if not self._config.signing_secret_file:
            return {"Webhook-Timestamp": at}
        secret = key_in(secret_in(self._config.signing_secret_file))
        return {"Webhook-Timestamp": at, "Webhook-Signature": signature(secret, key, at, body)}


def body_of(delivery: Delivery) -> bytes:
    """The message as JSON, in the form of docs/receivers.md; the same bytes at every attempt.

    Labels are in their order by name: one that was read back from the journal has no other.
    """
    told = msgspec.json.decode(msgspec.json.encode(delivery.message, order="deterministic"))
    target = {key: value for key, value in told["target"].items() if key != "uid"}
    return msgspec.json.encode({"version": "1", "receiver": delivery.receiver, **told, "target": target})


def key_in(secret: str) -> bytes:
    """The key of a secret: base64 behind `whsec_`, else the text itself. `ValueError` where it is no base64."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(f"the signing secret is no base64 behind {_PREFIX}") from error


def signature(secret: bytes, key: str, at: str, body: bytes) -> str:
    """`v1,` and the base64 of the HMAC-SHA256 over `key.at.body`."""
    mark = hmac.new(secret, f"{key}.{at}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(mark).decode()}"


def _printable(key: str) -> str:
    """The key, fit for a header."""
    return "".join(char if char.isascii() and char.isprintable() else "_" for char in key)
