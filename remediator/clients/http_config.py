"""How a server is spoken to, as in prometheus.yml: frozen values. Secrets are files, read again at each request."""

from __future__ import annotations

from pathlib import Path

from remediator.core.model import Value


class Authorization(Value, frozen=True):
    """An `Authorization` header: its scheme, and the file that holds the rest."""

    credentials_file: str
    type: str = "Bearer"


class BasicAuth(Value, frozen=True):
    """A name, or the file that holds it, and the file that holds its password."""

    username: str = ""
    password_file: str = ""
    username_file: str = ""


class Tls(Value, frozen=True):
    """How a server's certificate is checked, and the client certificate shown to it. Empty: the system's ways.

    Versions are named as in prometheus.yml: TLS10, TLS11, TLS12, TLS13.
    """

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: str = ""
    max_version: str = ""


class Header(Value, frozen=True):
    """One header of `http_headers` or `proxy_connect_header`: texts as they are, and files that hold more of them."""

    values: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


class Proxying(Value, frozen=True):
    """Which proxy requests take: `proxy_url`, but for hosts in `no_proxy`; or what the environment says. Of what is
    encrypted it is told `proxy_connect_header` beside the host.
    """

    proxy_url: str = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False
    proxy_connect_header: dict[str, Header] = {}


class OAuth2(Value, frozen=True):
    """Tokens by the grant of client credentials (RFC 6749, section 4.4), from the server at `token_url`."""

    client_id: str
    client_secret_file: str
    token_url: str
    scopes: tuple[str, ...] = ()
    endpoint_params: dict[str, str] = {}
    tls_config: Tls = Tls()
    proxy_url: str = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False
    proxy_connect_header: dict[str, Header] = {}
    grant_type: str = "client_credentials"

    @property
    def proxying(self) -> Proxying:
        """The proxy on the way to the token's server."""
        return Proxying(self.proxy_url, self.no_proxy, self.proxy_from_environment, self.proxy_connect_header)


class HttpConfig(Value, frozen=True):
    """How a server is spoken to, as in prometheus.yml."""

    authorization: Authorization | None = None
    basic_auth: BasicAuth | None = None
    oauth2: OAuth2 | None = None
    tls_config: Tls = Tls()
    http_headers: dict[str, Header] = {}
    proxy_url: str = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False
    proxy_connect_header: dict[str, Header] = {}
    follow_redirects: bool = True
    enable_http2: bool = True
    """HTTP/2 is for the client to choose, and none is spoken: kept so that a file of Prometheus' fits."""

    @property
    def proxying(self) -> Proxying:
        """The proxy on the way to the server."""
        return Proxying(self.proxy_url, self.no_proxy, self.proxy_from_environment, self.proxy_connect_header)


def secret_in(file: str) -> str:
    """What a file holds, one line of it; `ValueError` naming the file, never its content, or `OSError`."""
    try:
        text = Path(file).read_text().strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no text") from error
    if not text or not text.isprintable():
        raise ValueError(f"{file} must hold one line")
    return text
