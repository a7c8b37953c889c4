"""Prometheus as it is asked: prometheus-api-client's connection, with a way to query that loses nothing of the answer.

The library drops warnings and error types, retries for seconds and has no time-out by itself; addresses, headers and
sessions stay its business. `_session` is private to it, so that its minor version is pinned.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
import urllib3
from prometheus_api_client.prometheus_connect import PrometheusConnect
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from remediator.clients.http_config import HttpConfig, Tls, context_of, headers_of
from remediator.clients.query_answer import Answer, Unknown, one_line, read_answer

AT_ONCE = 8
"""Queries under way at once: less than half of what one Prometheus does at once (`query.max-concurrency` is 20)."""

MOST_BYTES = 32 * 1024 * 1024
"""Bytes of one answer: 80,000 series."""

_CHUNK = 64 * 1024


class Prometheus(PrometheusConnect):
    """A connection to one server. `timeout` in seconds, of a whole query. May be used from `AT_ONCE` threads."""

    def __init__(
        self, url: str, timeout: float = 10.0, http_config: HttpConfig | None = None, most_bytes: int = MOST_BYTES
    ) -> None:
        session = requests.Session()
        session.trust_env = False  # neither proxies nor passwords that the settings do not name
        super().__init__(url.rstrip("/"), retry=Retry(0), session=session)
        self._http, self._seconds, self._most_bytes = http_config or HttpConfig(), timeout, most_bytes
        self._connections = _Connections(self._http.tls_config)
        session.mount(self.url, self._connections)

    def query(self, expr: str, at: datetime) -> Answer:
        """The answer as of an instant, asked once. Whatever goes wrong is `Unknown` with the reason."""
        form = {"query": expr, "time": f"{at.timestamp():.3f}", "timeout": f"{self._seconds:g}s"}
        ends = time.monotonic() + self._seconds
        try:
            self._connections.renew()
            with self._session.post(
                f"{self.url}/api/v1/query",
                data=form,
                headers={**(self.headers or {}), **headers_of(self._http)},
                timeout=self._seconds,
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._read(response, ends)
        except requests.Timeout:
            return self._late()
        except (requests.RequestException, OSError, ValueError) as error:
            return Unknown(f"cannot be asked: {type(error).__name__}: {one_line(str(error).encode())}")

    def _read(self, response: requests.Response, ends: float) -> Answer:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > self._most_bytes:
                return Unknown(f"the answer is larger than {self._most_bytes} bytes: ask for less", reached=True)
            if time.monotonic() > ends:
                return self._late()
        return read_answer(response.status_code, bytes(body))

    def _late(self) -> Unknown:
        return Unknown(f"no answer within {self._seconds:g} s")


class PrometheusServer:
    """A `Prometheus` for the event loop: its queries run in threads of their own, `AT_ONCE` at most."""

    def __init__(self, url: str, timeout: float = 10.0, http_config: HttpConfig | None = None) -> None:
        self._connection, self._timeout = Prometheus(url, timeout, http_config), timeout
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="prometheus")

    async def query(self, expr: str, at: datetime) -> Answer:
        """See `Prometheus.query`. A thread that hangs on is not waited for."""
        asked = asyncio.get_running_loop().run_in_executor(self._threads, self._connection.query, expr, at)
        try:
            return await asyncio.wait_for(asked, self._timeout + 1)
        except TimeoutError:
            return Unknown(f"no answer within {self._timeout:g} s")

    async def close(self) -> None:
        """End all connections; a query under way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._connection.close()


class _Connections(HTTPAdapter):
    """Connections whose certificates are checked as the settings say, and not as the library would have it."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._stamps: object = None
        self._context: ssl.SSLContext | None = None
        super().__init__(pool_maxsize=AT_ONCE, max_retries=Retry(0))

    def renew(self) -> None:
        """Begin new connections where a file of certificates has changed. Raises `OSError` where one is unusable."""
        stamps = _stamps(self._tls)
        if stamps != self._stamps:
            self._context = context_of(self._tls)
            if self._tls.insecure_skip_verify:  # the settings say so: no need to be told at every request
                urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            self.init_poolmanager(AT_ONCE, AT_ONCE)
            self._stamps = stamps

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See `HTTPAdapter`."""
        if self._context is not None:
            kwargs["ssl_context"] = self._context
        if self._tls.server_name:
            kwargs |= {"server_hostname": self._tls.server_name, "assert_hostname": self._tls.server_name}
        super().init_poolmanager(*args, **kwargs)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """See `HTTPAdapter`."""
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, pool if self._context is None else {}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """See `HTTPAdapter`."""
        if self._context is None:
            super().cert_verify(conn, url, verify, cert)


def _stamps(tls: Tls) -> object:
    """What tells that a file named by the settings has changed. Raises `OSError` where one is not there."""
    files = (tls.ca_file, tls.cert_file, tls.key_file)
    return tuple((found.st_mtime_ns, found.st_size) for found in (Path(file).stat() for file in files if file))
