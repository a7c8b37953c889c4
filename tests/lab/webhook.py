"""A receiver of webhooks for tests: a tiny HTTP server that keeps what it is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from tests.lab.client import Json
from tests.lab.waiting import wait_for


class WebhookReceiver:
    """Listens on a free port of loopback for the length of a ``with`` block.

    ``url`` is where to post to; ``payloads`` all JSON bodies so far; ``status`` what it answers (200), and may be
    changed: 503 lets the sender try again.
    """

    def __init__(self) -> None:
        self.payloads: list[Json] = []
        self.status = 200
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhook"

    def __enter__(self) -> WebhookReceiver:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def alerts(self) -> list[Json]:
        """All alerts of all payloads, in order of arrival."""
        return [alert for payload in self.payloads for alert in payload.get("alerts", [])]

    def wait_for_alert(self, name: str, status: str = "firing", timeout: float = 60, **labels: str) -> Json:
        """Wait until an alert of this name, status and labels has arrived, and return it."""
        wanted = {"alertname": name, **labels}

        def arrived(alerts: list[Json]) -> list[Json]:
            return [one for one in alerts if one["status"] == status and wanted.items() <= one["labels"].items()]

        return arrived(wait_for(self.alerts, arrived, f"a webhook with {status} {wanted}", timeout))[0]


def _handler_for(receiver: WebhookReceiver) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if receiver.status < 300:
                receiver.payloads.append(json.loads(body))
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """The payloads are the log."""

    return Handler
