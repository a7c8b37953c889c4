"""How the API server is reached and who asks: the mounted service account, or a kubeconfig (its own module).

In a Pod the two mounted files are read directly: the loaders of the `kubernetes` package cost 18 MiB and 150 ms.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

MOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
REREAD_SECONDS = 60.0
"""Age at which credentials are read again: the kubelet rotates tokens long before they expire, as client-go expects."""


class CredentialsError(Exception):
    """Credentials cannot be had; the message says from where and what to do."""


class Grant(NamedTuple):
    """All that a request needs beside itself. `authorization` is the header's value, empty for none; never log it."""

    server: str
    authorization: str = ""
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    proxy: str | None = None

    def __repr__(self) -> str:
        return f"Grant({self.server!r})"


class Credentials(Protocol):
    """A source of grants."""

    async def grant(self, refused: str = "") -> Grant:
        """The present grant, not older than a minute; read anew where `refused` is its authorization, which the
        server has just answered with 401. Raises `CredentialsError`.
        """
        ...


class InCluster:
    """The service account mounted into the Pod: token and CA are read again every minute, as both are rotated."""

    def __init__(
        self,
        mount: Path = MOUNT,
        environ: Mapping[str, str] = os.environ,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "")
        if not host or not port:
            raise CredentialsError(
                "not in a cluster: KUBERNETES_SERVICE_HOST and _PORT are not set; name a kubeconfig in `kubernetes`"
            )
        self._server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        self._mount, self._monotonic = mount, monotonic
        self._grant: Grant | None = None
        self._ca, self._read_at = "", 0.0

    async def grant(self, refused: str = "") -> Grant:
        """See `Credentials.grant`."""
        now = self._monotonic()
        old = self._grant
        if old is None or now - self._read_at >= REREAD_SECONDS or same(refused, old):
            old = self._grant = self._fresh(old)
            self._read_at = now
        return old

    def _fresh(self, old: Grant | None) -> Grant:
        token, ca = self._file("token").strip(), self._file("ca.crt")
        tls = old.tls if old is not None and ca == self._ca else _trusting(ca, self._mount / "ca.crt")
        self._ca = ca
        return Grant(self._server, header_value(f"Bearer {token}", str(self._mount / "token")), tls)

    def _file(self, name: str) -> str:
        path = self._mount / name
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialsError(f"{path} cannot be read ({error}); is automountServiceAccountToken off?") from error
        if not text.strip():
            raise CredentialsError(f"{path} is empty; the kubelet has not written it yet")
        return text


def same(refused: str, grant: Grant) -> bool:
    """Whether it is this grant that the server refused."""
    return bool(refused) and refused == grant.authorization


def header_value(value: str, origin: str) -> str:
    """The value, fit for a header; `CredentialsError` naming `origin`, never the value, where it is not."""
    if value.isascii() and (value.isprintable() or not value):
        return value
    raise CredentialsError(f"{origin}: the token has characters that no token has, line breaks perhaps")


def _trusting(ca: str, path: Path) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=ca)
    except (ssl.SSLError, ValueError) as error:
        raise CredentialsError(f"{path} is no certificate: {error}") from error
    like_client_go(context)
    return context


def like_client_go(context: ssl.SSLContext) -> None:
    """Verify as client-go does: Python 3.13 demands extensions of RFC 5280 that many clusters' own CAs leave out."""
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
