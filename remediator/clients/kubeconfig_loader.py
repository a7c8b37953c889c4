"""The `kubernetes` package's kubeconfig loader, with a renewal of OIDC tokens that verifies whom it talks to.

Imported only where a kubeconfig is used. The package's own renewal switches TLS verification off unless the file
names a CA, and then fails; the refresh token and client secret would go to whoever answers.
"""

from __future__ import annotations

import base64
import ssl
from typing import Any

import aiohttp

from remediator.bare import bare
from remediator.clients.credentials import CredentialsError

with bare("kubernetes", "kubernetes.aio", "kubernetes.aio.client", "kubernetes.aio.config"):
    from kubernetes.aio import client
    from kubernetes.aio.client.configuration import Configuration

    # The loader takes both from the package; the other one, which loads pydantic, is for what is not done here.
    client.Configuration, client.ApiClient = Configuration, object
    from kubernetes.aio.config.kube_config import KubeConfigLoader, KubeConfigMerger

__all__ = ["Configuration", "open_kubeconfig"]

_SECONDS = aiohttp.ClientTimeout(total=15)


class _Loader(KubeConfigLoader):
    """The package's loader with its own way to renew an OIDC token."""

    async def _refresh_oidc(self, provider: Any) -> None:
        """Exchange the refresh token; the loader calls it where the id token is missing or about to expire."""
        config = provider["config"]
        trust = _trust(config)
        login = aiohttp.encode_basic_auth(config["client-id"], config.value.get("client-secret", ""))
        async with aiohttp.ClientSession(raise_for_status=True, timeout=_SECONDS, trust_env=True) as session:
            issuer = config["idp-issuer-url"].rstrip("/")
            async with session.get(f"{issuer}/.well-known/openid-configuration", ssl=trust) as response:
                endpoint = (await response.json())["token_endpoint"]
            form = {"grant_type": "refresh_token", "refresh_token": config["refresh-token"]}
            async with session.post(endpoint, data=form, headers={"Authorization": login}, ssl=trust) as response:
                answer = await response.json()
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


def _trust(config: Any) -> ssl.SSLContext:
    data = config.value.get("idp-certificate-authority-data")
    file = config.value.get("idp-certificate-authority")
    return ssl.create_default_context(
        cafile=None if data else file, cadata=base64.b64decode(data).decode() if data else None
    )
