"""`metrics.k8s.io` of the lab: a stand-in for metrics-server behind the API server's own aggregation.

The autoscaler's controller asks the API server, which asks here. What each app needs in all is spread over its ready
pods, so that more pods need less each, as under real load.
"""

from __future__ import annotations

import json
import secrets
import ssl
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.lab.certificates import write_certificates
from tests.lab.client import Json
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for

GROUP = "metrics.k8s.io/v1beta1"
APIS = f"/apis/{GROUP}"
REGISTERED = "/apis/apiregistration.k8s.io/v1/apiservices"


class MetricsApi:
    """Serves resource metrics for the length of a `with` block. `load` is what an app needs in all, in milli-CPUs."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.load: dict[str, int] = {}
        self._lab, self._name = lab, f"metrics-{secrets.token_hex(3)}"
        files = write_certificates(folder, ("127.0.0.1",))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.server_certificate, files.server_key)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        service = {"type": "ExternalName", "externalName": "localhost"}
        meta = {"name": self._name}
        self._lab.admin.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service}, "default")
        group, _, version = GROUP.partition("/")
        spec = {
            "group": group,
            "version": version,
            "service": {"name": self._name, "namespace": "default", "port": self._server.server_port},
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        }
        kind = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService"}
        self._lab.admin.request("POST", REGISTERED, kind | {"metadata": {"name": f"{version}.{group}"}, "spec": spec})
        self._registered = f"{REGISTERED}/{version}.{group}"
        wait_for(lambda: self._lab.admin.request("GET", APIS), bool, "the metrics API to be served", 120)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lab.admin.request("DELETE", self._registered)
        self._lab.admin.delete("services", self._name, "default")
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> Json | None:
        """What a path asks for; None where there is no such thing."""
        url = urlsplit(path)
        if url.path == APIS:
            verbs = ["get", "list"]
            pods = {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": verbs}
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP, "resources": [pods]}
        if not url.path.startswith(f"{APIS}/namespaces/"):
            return None
        namespace = url.path.removeprefix(f"{APIS}/namespaces/").partition("/")[0]
        selector = parse_qs(url.query).get("labelSelector", [""])[0]
        items = self._items(self._lab.admin.list("pods", namespace, labels=selector))
        return {"kind": "PodMetricsList", "apiVersion": GROUP, "metadata": {}, "items": items}

    def _items(self, pods: list[Json]) -> list[Json]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ready = [pod for pod in pods if _is_ready(pod)]
        return [
            {
                "metadata": {"name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"]},
                "timestamp": now,
                "window": "1s",
                "containers": [{"name": "app", "usage": {"cpu": f"{self._share(pod, len(ready))}m", "memory": "1Mi"}}],
            }
            for pod in ready
        ]

    def _share(self, pod: Json, pods: int) -> int:
        return self.load.get(pod["metadata"]["labels"]["app"], 0) // pods


def _is_ready(pod: Json) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _handler_of(api: MetricsApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = api.answer(self.path)
            body = json.dumps(found or {}).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
