"""A stand-in for kube-state-metrics: ``python -m tests.lab.exporter KUBECONFIG PORT``.

It follows the objects by watches, as the real one does, so that a scrape costs next to nothing. Where the API server
does not answer, or something is not followed, the scrape fails (503): no series is ever older than its scrape.
"""

from __future__ import annotations

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import yaml

from tests.lab.client import Api, Json
from tests.lab.errors import ApiError
from tests.lab.exposition import Line, grouped, line
from tests.lab.series import SERIES_OF

_PAUSE_SECONDS = 0.2


class Followed:
    """The series of one kind's objects, kept current by a watch in a thread of its own; ``current`` while it is."""

    def __init__(self, api: Api, kind: str) -> None:
        self._api, self._kind = api, kind
        self._lines: dict[str, tuple[Line, ...]] = {}
        self.current = threading.Event()
        threading.Thread(target=self._follow, daemon=True).start()

    def lines(self) -> list[Line]:
        """The samples of all objects there are, in the text format."""
        return [each for lines in list(self._lines.values()) for each in lines]

    def _follow(self) -> None:
        while True:
            try:
                self._list_and_watch()
            except (httpx.HTTPError, ApiError):
                time.sleep(_PAUSE_SECONDS)
            finally:
                self.current.clear()

    def _list_and_watch(self) -> None:
        """List, then keep what changes, until the watch ends or breaks."""
        found = self._api.collection(self._kind)
        self._lines = {each["metadata"]["uid"]: self._of(each) for each in found["items"]}
        self.current.set()
        for event in self._api.watch(self._kind, found["metadata"]["resourceVersion"]):
            changed = event["object"]
            if event["type"] == "ERROR":  # the version is too old by now
                return
            if event["type"] == "DELETED":
                self._lines.pop(changed["metadata"]["uid"], None)
            else:
                self._lines[changed["metadata"]["uid"]] = self._of(changed)

    def _of(self, obj: Json) -> tuple[Line, ...]:
        return tuple(map(line, SERIES_OF[self._kind](obj)))


class Exporter:
    """All kinds, followed."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._followed = [Followed(api, kind) for kind in SERIES_OF]

    def text(self) -> str:
        """All series as they are now; an ``ApiError`` or a transport error where that cannot be told."""
        self._api.request("GET", "/livez/ping")
        if not all(each.current.is_set() for each in self._followed):
            raise ApiError(503, "NotFollowed", "not everything is followed yet", "watch")
        return grouped(each for followed in self._followed for each in followed.lines())


def client_from(kubeconfig: Path) -> Api:
    """A client for a kubeconfig that the lab has written."""
    content = yaml.safe_load(kubeconfig.read_text())
    cluster = content["clusters"][0]["cluster"]
    token = content["users"][0]["user"]["token"]
    return Api(cluster["server"], Path(cluster["certificate-authority"]), token, user_agent="lab-exporter")


def serve(exporter: Exporter, port: int) -> None:
    """Answer ``/metrics`` and ``/healthz`` on loopback for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._answer(200, "ok\n")
                return
            try:
                self._answer(200, exporter.text())
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
    serve(Exporter(client_from(Path(sys.argv[1]))), int(sys.argv[2]))
