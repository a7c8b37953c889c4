"""A small HTTP server of a test's own: on loopback, over threads, for the length of a ``with`` block."""

from __future__ import annotations

import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.certificates import write_certificates


@dataclass(frozen=True)
class Asked:
    """A request as it came in; names of headers in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answered:
    """What is answered to it."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    retry_after: str = ""


class _Server(ThreadingHTTPServer):
    """Nobody is turned away because many come at once, or because this process was not given the processor."""

    request_queue_size = 128


class Loopback:
    """Answers by ``answer``; ``over`` is set at the end, for those that let somebody wait."""

    protocol = "HTTP/1.0"
    """HTTP/1.1 where connections are kept."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        self.port = self._server.server_port
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    def answer(self, asked: Asked) -> Answered | None:
        """What to say; None ends the connection without a word."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


def own_tls(folder: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate for loopback, signed by nobody that anyone knows."""
    files = write_certificates(folder, ("127.0.0.1",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server_certificate, files.server_key)
    return context


def _handler_of(server: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = server.protocol

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answered = server.answer(Asked(self.command, self.path, headers, body))
            if answered is None:
                self.close_connection = True
                return
            with suppress(OSError):  # nobody waits for it any more
                self.send_response(answered.status)
                self.send_header("Content-Type", answered.content_type)
                self.send_header("Content-Length", str(len(answered.body)))
                if answered.retry_after:
                    self.send_header("Retry-After", answered.retry_after)
                self.end_headers()
                self.wfile.write(answered.body)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer

        def log_message(self, format: str, *args: object) -> None:
            """What was asked is for the test to keep."""

    return Handler
