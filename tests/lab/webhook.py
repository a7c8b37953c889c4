"""A receiver of webhooks for tests: a tiny HTTP server that keeps what it is sent."""

from __future__ import annotations

import json

from tests.lab.client import Json
from tests.lab.loopback import Answered, Asked, Loopback
from tests.lab.waiting import PATIENCE, wait_for


class WebhookReceiver(Loopback):
    """Listens on a free port of loopback for the length of a ``with`` block.

    ``url`` is where to post to; ``payloads`` all JSON bodies so far; ``status`` what it answers (200), and may be
    changed: 503 lets the sender try again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.payloads: list[Json] = []
        self.status = 200
        self.url += "/webhook"

    def answer(self, asked: Asked) -> Answered:
        if self.status < 300:
            self.payloads.append(json.loads(asked.body))
        return Answered(status=self.status)

    def alerts(self) -> list[Json]:
        """All alerts of all payloads, in order of arrival."""
        return [alert for payload in self.payloads for alert in payload.get("alerts", [])]

    def wait_for_alert(self, name: str, status: str = "firing", timeout: float = PATIENCE, **labels: str) -> Json:
        """Wait until an alert of this name, status and labels has arrived, and return it."""
        wanted = {"alertname": name, **labels}

        def arrived(alerts: list[Json]) -> list[Json]:
            return [one for one in alerts if one["status"] == status and wanted.items() <= one["labels"].items()]

        return arrived(wait_for(self.alerts, arrived, f"a webhook with {status} {wanted}", timeout))[0]
