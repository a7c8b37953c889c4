"""How the API server is reached and who asks: the mounted service account, or a kubeconfig.

A kubeconfig is read by the loaders of the `kubernetes` package (merging, contexts, exec plugins, OIDC). Importing
them costs 18 MiB and 150 ms, so that it happens only there; in a Pod the two mounted files are read directly.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

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
        if old is None or now - self._read_at >= REREAD_SECONDS or _same(refused, old):
            old = self._grant = self._fresh(old)
            self._read_at = now
        return old

    def _fresh(self, old: Grant | None) -> Grant:
        token, ca = self._file("token").strip(), self._file("ca.crt")
        tls = old.tls if old is not None and ca == self._ca else _trusting(ca, self._mount / "ca.crt")
        self._ca = ca
        return Grant(self._server, _header(f"Bearer {token}", str(self._mount / "token")), tls)

    def _file(self, name: str) -> str:
        path = self._mount / name
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialsError(f"{path} cannot be read ({error}); is automountServiceAccountToken off?") from error
        if not text.strip():
            raise CredentialsError(f"{path} is empty; the kubelet has not written it yet")
        return text


class Kubeconfig:
    """One context of a kubeconfig, or of several joined with `:` as `$KUBECONFIG` has them.

    Token files are read and expiring tokens of exec plugins and OIDC renewed every minute; a plugin that tells no
    expiry runs again only where the server refuses its token. Keys given inline are kept by the loader in files of
    its own in the temporary folder, mode 0600, until the process ends.
    """

    def __init__(self, path: str, context: str = "", monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path, self._context, self._monotonic = path, context, monotonic
        self._loader: Any = None
        self._settings: Any = None
        self._grant: Grant | None = None
        self._read_at = 0.0
        self._turn = asyncio.Lock()

    async def grant(self, refused: str = "") -> Grant:
        """See `Credentials.grant`."""
        async with self._turn:
            due = self._monotonic() - self._read_at >= REREAD_SECONDS and not self._lasts()
            if self._grant is None or due or _same(refused, self._grant):
                self._grant = await self._renewed(refused)
                self._read_at = self._monotonic()
            return self._grant

    async def _renewed(self, refused: str) -> Grant:
        try:
            if self._loader is None:
                await self._load()
            else:
                if refused and hasattr(self._loader, "exec_plugin_expiry"):
                    del self._loader.exec_plugin_expiry
                await self._loader.load_and_set(self._settings)
            return self._granted(self._settings)
        except CredentialsError:
            raise
        except Exception as error:
            # Loaders and what they call (YAML, OIDC, ssl, files) raise whatever they like.
            raise CredentialsError(f"kubeconfig {self._path}: {error}") from error

    async def _load(self) -> None:
        _demand_files(self._path)
        loaders = await asyncio.to_thread(_loaders)
        settings = loaders.client.Configuration()
        self._loader = await loaders.config.load_kube_config(
            config_file=self._path,
            context=self._context or None,
            client_configuration=settings,
            persist_config=False,
        )
        self._settings = settings

    def _lasts(self) -> bool:
        """Whether the credential came from a plugin that told no expiry."""
        return self._plugin() and not hasattr(self._loader, "exec_plugin_expiry")

    def _plugin(self) -> bool:
        user = getattr(self._loader, "_user", None)
        return user is not None and "exec" in user

    def _granted(self, settings: Any) -> Grant:
        token = _header(str(settings.api_key.get("BearerToken") or "").strip(), f"kubeconfig {self._path}")
        if self._plugin() and not token and not settings.cert_file:
            raise CredentialsError(
                f"kubeconfig {self._path}: its exec plugin gave neither token nor certificate; "
                "run `kubectl get --raw /version` with it to see why"
            )
        return Grant(
            settings.host.rstrip("/"),
            token,
            _tls(settings) if settings.host.startswith("https") else None,
            settings.tls_server_name or None,
            settings.proxy or None,
        )


def load(kubeconfig: str = "", context: str = "", environ: Mapping[str, str] = os.environ) -> Credentials:
    """The credentials that the settings name: that kubeconfig, else the Pod's own, else `$KUBECONFIG`, else
    `~/.kube/config`. A context alone means a kubeconfig too.
    """
    if not kubeconfig and not context and environ.get("KUBERNETES_SERVICE_HOST"):
        return InCluster(environ=environ)
    default = environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    return Kubeconfig(kubeconfig or default, context)


def _same(refused: str, grant: Grant) -> bool:
    return bool(refused) and refused == grant.authorization


def _header(value: str, origin: str) -> str:
    if value.isascii() and (value.isprintable() or not value):
        return value
    raise CredentialsError(f"{origin}: the token has characters that no token has, line breaks perhaps")


class _Loaders(NamedTuple):
    client: Any
    config: Any


def _loaders() -> _Loaders:
    """The package's modules, imported in a thread: it would hold up the event loop."""
    from kubernetes.aio import client, config

    return _Loaders(client, config)


def _demand_files(path: str) -> None:
    files = [Path(part).expanduser() for part in path.split(os.pathsep) if part]
    if not any(file.exists() for file in files):
        raise CredentialsError(
            f"no kubeconfig at {path}; name one in `kubernetes.kubeconfig` or $KUBECONFIG, or run in a cluster"
        )


def _tls(settings: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ssl_ca_cert or None)
    _like_client_go(context)
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file or None)
    if not settings.verify_ssl:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _trusting(ca: str, path: Path) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=ca)
    except (ssl.SSLError, ValueError) as error:
        raise CredentialsError(f"{path} is no certificate: {error}") from error
    _like_client_go(context)
    return context


def _like_client_go(context: ssl.SSLContext) -> None:
    """Python 3.13 demands extensions of RFC 5280 that CAs made by kubeadm and its like leave out."""
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
