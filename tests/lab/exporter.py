"""A stand-in for kube-state-metrics: ``python -m tests.lab.exporter KUBECONFIG PORT``.

It reads the API server at each scrape, so that what Prometheus has is as fresh as its scrape. Where the API server
does not answer, the scrape fails (503) and Prometheus says ``up == 0``: no series is ever older than its scrape.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import yaml

from tests.lab.client import Api
from tests.lab.errors import ApiError
from tests.lab.exposition import Sample, exposition
from tests.lab.series import SERIES_OF


def samples(api: Api) -> Iterator[Sample]:
    """The samples of all objects in the cluster, now."""
    for kind, series in SERIES_OF.items():
        for obj in api.list(kind):
            yield from series(obj)


def client_from(kubeconfig: Path) -> Api:
    """A client for a kubeconfig that the lab has written."""
    content = yaml.safe_load(kubeconfig.read_text())
    cluster = content["clusters"][0]["cluster"]
    token = content["users"][0]["user"]["token"]
    return Api(cluster["server"], Path(cluster["certificate-authority"]), token, user_agent="lab-exporter")


def serve(api: Api, port: int) -> None:
    """Answer ``/metrics`` and ``/healthz`` on loopback for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._answer(200, "ok\n")
                return
            try:
                self._answer(200, exposition(samples(api)))
            except (httpx.HTTPError, ApiError) as error:
                self._answer(503, f"the API server does not answer: {error}\n")

        def _answer(self, code: int, text: str) -> None:
            body = text.encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """A scrape a second is not worth a line."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(client_from(Path(sys.argv[1])), int(sys.argv[2]))
