"""`ports.Notifier` over the receivers of the settings: every endpoint of the named one is told, once a delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from remediator.clients.outbound import Outbound
from remediator.config.settings import Receiver
from remediator.notify import webhook
from remediator.ports import Delivery


class Receivers:
    """The receivers by name. When to try again is the caller's business; the delivery's key stays the same then."""

    def __init__(self, receivers: Iterable[Receiver], outbound: Outbound | None = None) -> None:
        self._receivers = {receiver.name: receiver for receiver in receivers}
        self._outbound = outbound or Outbound()

    async def deliver(self, delivery: Delivery) -> str:
        """See `ports.Notifier.deliver`. Taken means that every endpoint took it; those that did get it again with
        the next attempt, under the same `Idempotency-Key`.
        """
        receiver = self._receivers.get(delivery.receiver)
        if receiver is None:
            known = ", ".join(sorted(self._receivers)) or "none at all"
            return f"there is no receiver {delivery.receiver[:100]!r} in the settings, only {known}"
        sent = (webhook.send(self._outbound, endpoint, delivery) for endpoint in receiver.webhook_configs)
        wrong = await asyncio.gather(*sent)
        return "; ".join(filter(None, wrong))

    async def close(self) -> None:
        """End all connections."""
        await self._outbound.close()
