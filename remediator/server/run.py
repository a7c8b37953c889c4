"""The HTTP server inside our own event loop. Signals belong to the program's main, not to it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import re
import socket
from collections.abc import Iterator
from typing import Any

from starlette.types import ASGIApp

from remediator.bare import bare
from remediator.server.certificate import Certificate
from remediator.server.protocol import HEAD_SECONDS, PER_ADDRESS, guarded

with bare("uvicorn"):
    import uvicorn
    from uvicorn.config import Config
    from uvicorn.server import Server

    uvicorn.Config = Config  # the next one takes it from the package
    import uvicorn.lifespan.off  # what `lifespan="off"` names

CONNECTIONS = 1000
"""Connections at once; one more is answered 503."""
KEEP_ALIVE_SECONDS = 75
"""How long an idle connection is kept: longer than the scrape and repeat intervals of most set-ups."""
FAREWELL_SECONDS = 1.0
"""For a client to answer the end of TLS: one that reads no more must not hold up a shutdown."""
_ADDRESS = re.compile(r"(?:\[(?P<ip6>[0-9a-fA-F:.]+)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})")


class ListenError(Exception):
    """The address cannot be listened on; the message says which and why."""


class _Server(Server):
    """Uvicorn's server, told when it listens, with a bound on TLS handshakes."""

    def __init__(self, config: Config, handshake_seconds: float) -> None:
        super().__init__(config)
        self._handshake_seconds = handshake_seconds
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen on the given sockets."""
        loop, config = asyncio.get_running_loop(), self.config
        make = functools.partial(
            config.http_protocol_class, config=config, server_state=self.server_state, app_state=self.lifespan.state
        )
        patience = {"ssl_handshake_timeout": self._handshake_seconds, "ssl_shutdown_timeout": FAREWELL_SECONDS}
        tls: dict[str, Any] = {"ssl": config.ssl, **patience} if config.ssl else {}
        self.servers = [
            await loop.create_server(make, sock=sock, backlog=config.backlog, **tls) for sock in sockets or ()
        ]
        self.started = True
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


class Serving:
    """A server that takes requests. `port` is the real one where 0 was asked for."""

    def __init__(
        self, server: Server, task: asyncio.Task[None], host: str, port: int, watching: asyncio.Task[None] | None
    ) -> None:
        self._server, self._task, self._watching = server, task, watching
        self.host, self.port = host, port

    @property
    def url(self) -> str:
        """Where the server is found from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        scheme = "https" if self._watching else "http"
        return f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"

    async def wait(self) -> None:
        """Return when the server has ended; raises what ended it, if it was not `stop`."""
        await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Take no more connections, finish the requests at hand within the grace, and end."""
        self._server.should_exit = True
        if self._watching:
            self._watching.cancel()
        await self._task


async def serve(
    app: ASGIApp,
    listen: str,
    *,
    grace: float = 5.0,
    head_seconds: float = HEAD_SECONDS,
    per_address: int = PER_ADDRESS,
    certificate: Certificate | None = None,
) -> Serving:
    """Listen on `HOST:PORT` (`[::1]:8080`, `:8080` for all addresses, port 0 for a free one) and begin to serve.

    `grace` is how many seconds requests have to finish after `stop`, `head_seconds` how many each has to send its
    headers, and a client for its TLS handshake; `per_address` how many connections one address may hold. With a
    `certificate` it is over TLS. Raises `ListenError`.
    """
    host, port = _address(listen)
    sock = _bound(host, port)
    config = _config(app, guarded(head_seconds, per_address), grace)
    config.ssl = certificate.context if certificate else None
    server = _Server(config, head_seconds)
    task = asyncio.create_task(server.serve(sockets=[sock]), name="http server")
    await _begun(server, task)
    watching = asyncio.create_task(certificate.watch(), name="certificate") if certificate else None
    return Serving(server, task, host, sock.getsockname()[1], watching)


def _config(app: ASGIApp, protocol: type[asyncio.Protocol], grace: float) -> Config:
    """Uvicorn's settings, loaded."""
    config = Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, round(grace)),
    )
    config.load()
    return config


async def _begun(server: _Server, task: asyncio.Task[None]) -> None:
    """Return when it listens; raises what ended it before."""
    ready = asyncio.create_task(server.ready.wait())
    await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if task.done():
        task.result()


def _address(listen: str) -> tuple[str, int]:
    found = _ADDRESS.fullmatch(listen)
    if found is None or int(found["port"]) > 65535:
        raise ListenError(f"cannot listen on {listen!r}: HOST:PORT is expected, as 0.0.0.0:8080 or [::1]:8080")
    return found["ip6"] or found["host"] or "0.0.0.0", int(found["port"])


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=512)
    except OSError as error:
        why = os.strerror(error.errno) if isinstance(error.errno, int) and error.errno > 0 else error.strerror
        raise ListenError(f"cannot listen on {host}:{port}: {why}; name another address in web.listen") from error
