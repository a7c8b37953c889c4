"""What the API server asks a kubelet for: the logs of containers, over TLS on loopback."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.lab.certificates import write_certificates
from tests.lab.lab import Lab


class Kubelet:
    """Stands in for a kubelet for the length of a `with` block. `logs` and `previous` are what it answers by the
    container's pod, whose name begins so; for those in `mute` it never answers.
    """

    def __init__(self, folder: Path) -> None:
        self.logs: dict[str, str] = {}
        self.previous: dict[str, str] = {}
        self.mute: tuple[str, ...] = ()
        self._over = threading.Event()
        files = write_certificates(folder, ("127.0.0.1",))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.server_certificate, files.server_key)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self, lab: Lab, node: str) -> None:
        """Be the kubelet of a node, as its status says."""
        endpoint = {"kubeletEndpoint": {"Port": self._server.server_port}}
        status = {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}], "daemonEndpoints": endpoint}
        lab.admin.patch("nodes", node, {"status": status}, subresource="status")

    def answer(self, path: str) -> str | None:
        """The log that a path asks for (`/containerLogs/NAMESPACE/POD/CONTAINER`); None where there is none."""
        parts, query = urlsplit(path).path.split("/"), parse_qs(urlsplit(path).query)
        pod = parts[3] if len(parts) > 4 else ""
        if pod.startswith(self.mute):
            self._over.wait(60)
        found = self.previous if query.get("previous") == ["true"] else self.logs
        return next((text for name, text in found.items() if pod.startswith(name)), None)


def _handler_of(kubelet: Kubelet) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = kubelet.answer(self.path)
            body = (text or "no such log").encode()
            self.send_response(404 if text is None else 200)
            self.send_header("content-type", "text/plain")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
