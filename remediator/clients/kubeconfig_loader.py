"""The `kubernetes` package's kubeconfig loader, with a renewal of OIDC tokens that verifies whom it talks to.

Imported only where a kubeconfig is used. The package's own renewal switches TLS verification off unless the file
names a CA, and then fails; the refresh token and client secret would go to whoever answers.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
from contextlib import aclosing
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

from remediator.bare import bare
from remediator.clients.address import address
from remediator.clients.connecting import Way
from remediator.clients.credentials import CredentialsError
from remediator.clients.http import Asked, Http
from remediator.clients.http_config import Proxying
from remediator.clients.ways import proxy_of

with bare("kubernetes", "kubernetes.aio", "kubernetes.aio.client", "kubernetes.aio.config"):
    from kubernetes.aio import client

    # The loader takes these from the package. They load pydantic and aiohttp, and are for what is not done here.
    client.Configuration = client.ApiClient = object
    _openid = ModuleType("kubernetes.aio.config.openid")
    _openid.OpenIDRequestor = object  # type: ignore[attr-defined]
    sys.modules[_openid.__name__] = _openid
    from kubernetes.aio.config.kube_config import KubeConfigLoader, KubeConfigMerger

    del sys.modules[_openid.__name__]

__all__ = ["Configuration", "open_kubeconfig"]

_SECONDS = 15.0
_LARGEST = 1 << 20
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Configuration:
    """What the loader sets, as the package's own has it before."""

    def __init__(self) -> None:
        self.api_key: dict[str, str] = {}
        self.host, self.verify_ssl = "http://localhost", True
        self.ssl_ca_cert = self.cert_file = self.key_file = self.tls_server_name = self.proxy = ""


class _Loader(KubeConfigLoader):
    """The package's loader with its own way to renew an OIDC token."""

    async def _refresh_oidc(self, provider: Any) -> None:
        """Exchange the refresh token; the loader calls it where the id token is missing or about to expire."""
        config = provider["config"]
        trust = _trust(config)
        issuer = config["idp-issuer-url"].rstrip("/")
        endpoint = (await _answer("GET", f"{issuer}/.well-known/openid-configuration", trust))["token_endpoint"]
        login = f"{config['client-id']}:{config.value.get('client-secret', '')}"
        headers = _FORM | {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
        form = {"grant_type": "refresh_token", "refresh_token": config["refresh-token"]}
        answer = await _answer("POST", endpoint, trust, headers, urlencode(form).encode())
        config.value["id-token"] = answer["id_token"]
        config.value["refresh-token"] = answer.get("refresh_token", config["refresh-token"])


def open_kubeconfig(path: str, context: str) -> KubeConfigLoader:
    """A loader of one context, the file's current one where the name is empty; its `load_and_set` reads and renews.

    Raises `CredentialsError` and whatever the package and PyYAML raise.
    """
    merged = KubeConfigMerger(path).config
    if merged is None or not isinstance(merged.value, dict):
        raise CredentialsError(f"{path} is empty")
    # No base path: relative names are looked up beside the file that has them, as the package itself asks for.
    return _Loader(merged, context or None, config_base_path=None)  # pyright: ignore[reportArgumentType]


async def _answer(
    method: str, url: str, tls: ssl.SSLContext, headers: dict[str, str] | None = None, body: bytes = b""
) -> Any:
    """What an OIDC provider answers, as JSON; `CredentialsError` where it refuses."""
    there, proxy = address(url), proxy_of(Proxying(proxy_from_environment=True), url)
    way = Way(there.host, there.port, tls if there.tls else None, "", address(proxy) if proxy else None)
    async with aclosing(Http(1)) as http:
        answered = await http.ask(Asked(way, method, there, headers or {}, body, _SECONDS, None, _LARGEST))
    if not 200 <= answered.status < 300:
        raise CredentialsError(f"{there.host} answers {answered.status} where the token was to be renewed")
    return json.loads(answered.body)


def _trust(config: Any) -> ssl.SSLContext:
    data = config.value.get("idp-certificate-authority-data")
    file = config.value.get("idp-certificate-authority")
    return ssl.create_default_context(
        cafile=None if data else file, cadata=base64.b64decode(data).decode() if data else None
    )
