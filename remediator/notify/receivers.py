"""`ports.Notifier` over the receivers of the settings: one message, one of the receiver's endpoints, one attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from remediator.clients.outbound import Outbound
from remediator.config.settings import Receiver
from remediator.core.message import Occasion
from remediator.notify.posting import Refused
from remediator.ports import Delivered, Delivery


class Endpoint(Protocol):
    """One way to a person."""

    async def send(self, delivery: Delivery) -> Delivered:
        """Try once; raises `Refused` where it was not taken."""
        ...


class Receivers:
    """The receivers by name and endpoint. When to try again is the caller's business."""

    def __init__(self, receivers: Iterable[Receiver], outbound: Outbound | None = None) -> None:
        self._receivers = {receiver.name: receiver for receiver in receivers}
        self._outbound = outbound or Outbound()
        self._endpoints = {
            (receiver.name, name): _KINDS[name.split("-")[0]](config, self._outbound)
            for receiver in self._receivers.values()
            for name, config in receiver.endpoints.items()
        }

    async def deliver(self, delivery: Delivery) -> Delivered:
        """See `ports.Notifier.deliver`."""
        endpoint = self._endpoints.get((delivery.receiver, delivery.endpoint))
        if endpoint is None:
            return Delivered(self._unknown(delivery))
        if delivery.message.occasion is Occasion.CLOSED and not self._tells_ends(delivery):
            return Delivered()
        try:
            return await endpoint.send(delivery)
        except Refused as refused:
            return refused.delivered

    def _tells_ends(self, delivery: Delivery) -> bool:
        return self._receivers[delivery.receiver].endpoints[delivery.endpoint].send_resolved

    def _unknown(self, delivery: Delivery) -> str:
        if delivery.receiver not in self._receivers:
            known = ", ".join(sorted(self._receivers)) or "none at all"
            return f"there is no receiver {delivery.receiver[:100]!r} in the settings, only {known}"
        known = ", ".join(self._receivers[delivery.receiver].endpoints)
        return f"receiver {delivery.receiver} has no endpoint {delivery.endpoint[:100]!r} any more, only {known}"

    async def close(self) -> None:
        """End all connections."""
        await self._outbound.close()


def _webhook(config: Any, outbound: Outbound) -> Endpoint:
    from remediator.notify.webhook import Webhook

    return Webhook(config, outbound)


def _slack(config: Any, outbound: Outbound) -> Endpoint:
    from remediator.notify.slack import Slack

    return Slack(config, outbound)


def _pagerduty(config: Any, outbound: Outbound) -> Endpoint:
    from remediator.notify.pagerduty import Pagerduty

    return Pagerduty(config, outbound)


def _email(config: Any, _: Outbound) -> Endpoint:
    from remediator.notify.email import Email

    return Email(config)


_KINDS: dict[str, Callable[[Any, Outbound], Endpoint]] = {
    "webhook": _webhook,
    "slack": _slack,
    "pagerduty": _pagerduty,
    "email": _email,
}
"""Each is imported only where the settings have one."""
