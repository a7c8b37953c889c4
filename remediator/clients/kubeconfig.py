"""Credentials of a kubeconfig: merged files, contexts, exec plugins and OIDC, by the `kubernetes` package's loaders."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from remediator.clients.credentials import (
    REREAD_SECONDS,
    Credentials,
    CredentialsError,
    Grant,
    InCluster,
    header_value,
    like_client_go,
    same,
)


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
            if self._grant is None or due or same(refused, self._grant):
                self._grant = await self._renewed(refused)
                self._read_at = self._monotonic()
            return self._grant

    async def _renewed(self, refused: str) -> Grant:
        try:
            if self._loader is None:
                self._loader, self._settings = await self._opened()
            elif refused and hasattr(self._loader, "exec_plugin_expiry"):
                del self._loader.exec_plugin_expiry
            await self._loader.load_and_set(self._settings)
            return self._granted(self._settings)
        except CredentialsError:
            raise
        except Exception as error:
            # Loaders and what they call (YAML, OIDC, ssl, files) raise whatever they like.
            raise CredentialsError(f"kubeconfig {self._path}: {error}") from error

    async def _opened(self) -> tuple[Any, Any]:
        _demand_files(self._path)
        loaders = await asyncio.to_thread(_imported)
        return loaders.open_kubeconfig(self._path, self._context), loaders.Configuration()

    def _lasts(self) -> bool:
        """Whether the credential came from a plugin that told no expiry."""
        return self._plugin() and not hasattr(self._loader, "exec_plugin_expiry")

    def _plugin(self) -> bool:
        user = getattr(self._loader, "_user", None)
        return user is not None and "exec" in user

    def _granted(self, settings: Any) -> Grant:
        token = header_value(str(settings.api_key.get("BearerToken") or "").strip(), f"kubeconfig {self._path}")
        token = "" if token == "Bearer" else token
        if self._plugin() and not token and not settings.cert_file:
            raise CredentialsError(
                f"kubeconfig {self._path}: its exec plugin gave neither token nor certificate; "
                "run `kubectl get --raw /version` with it to see why"
            )
        if settings.proxy and not settings.proxy.startswith(("http://", "https://")):
            raise CredentialsError(f"kubeconfig {self._path}: proxy-url must be an http:// proxy; others are not known")
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


def _imported() -> Any:
    """The loaders; half a second of imports that would hold up the event loop, hence in a thread."""
    from remediator.clients import kubeconfig_loader

    return kubeconfig_loader


def _demand_files(path: str) -> None:
    files = [Path(part).expanduser() for part in path.split(os.pathsep) if part]
    if not any(file.exists() for file in files):
        raise CredentialsError(
            f"no kubeconfig at {path}; name one in `kubernetes.kubeconfig` or $KUBECONFIG, or run in a cluster"
        )


def _tls(settings: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ssl_ca_cert or None)
    like_client_go(context)
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file or None)
    if not settings.verify_ssl:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
