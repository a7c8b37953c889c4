"""How a server is spoken to, as in prometheus.yml, and the secrets for it: read from their files at each request."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from remediator.core.model import Value

if TYPE_CHECKING:
    import ssl


class Authorization(Value, frozen=True):
    """An `Authorization` header: its scheme, and the file that holds the rest."""

    credentials_file: str
    type: str = "Bearer"


class BasicAuth(Value, frozen=True):
    """A name, and the file that holds its password."""

    username: str
    password_file: str


class Tls(Value, frozen=True):
    """How a server's certificate is checked, and the client certificate shown to it. Empty: the system's ways."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False


class HttpConfig(Value, frozen=True):
    """How a server is spoken to, as in prometheus.yml."""

    authorization: Authorization | None = None
    basic_auth: BasicAuth | None = None
    tls_config: Tls = Tls()


def headers_of(config: HttpConfig) -> dict[str, str]:
    """The headers that say who asks. Raises as `secret_in` does."""
    if config.authorization is not None:
        value = f"{config.authorization.type} {secret_in(config.authorization.credentials_file)}"
    elif config.basic_auth is not None:
        pair = f"{config.basic_auth.username}:{secret_in(config.basic_auth.password_file)}"
        value = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        return {}
    return {"Authorization": value}


def secret_in(file: str) -> str:
    """What a file holds, one line of it; `ValueError` naming the file, never its content, or `OSError`."""
    try:
        text = Path(file).read_text().strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no text") from error
    if not text or not text.isprintable():
        raise ValueError(f"{file} must hold one line")
    return text


def context_of(config: Tls) -> ssl.SSLContext | None:
    """What the settings say about certificates; `None` where they say nothing. Raises `OSError` (`SSLError` is one)."""
    if config in (Tls(), Tls(server_name=config.server_name)):
        return None
    import ssl  # settings alone do not need it, and it is slow to import

    context = ssl.create_default_context(cafile=config.ca_file or None)
    if config.cert_file:
        context.load_cert_chain(config.cert_file, config.key_file or None)
    if config.insecure_skip_verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
