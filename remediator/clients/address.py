"""A URL as a connection and a request need it: whom to connect to, what to ask for, and who asks. Pure."""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

_NO_BREAKS = str.maketrans(dict.fromkeys("\r\n\0"))
_PORTS = {"http": 80, "https": 443}
_KEPT = "!#$%&'()*+,/:;=?@[]~"
"""Characters of a URL that mean something or are quoted already."""


class Address(NamedTuple):
    """A server, and what is asked of it. `authority` is the Host header's value, `login` an Authorization header's."""

    tls: bool
    host: str
    port: int
    authority: str
    target: str
    login: str = ""

    def __repr__(self) -> str:
        return f"Address({self.authority!r})"


def headers(pairs: Mapping[str, str]) -> str:
    """Headers as they are sent. A value that would end its line and begin another header does not."""
    return "".join([f"{name}: {value.translate(_NO_BREAKS)}\r\n" for name, value in pairs.items()])


@functools.lru_cache(maxsize=256)
def address(url: str) -> Address:
    """The address that a URL stands for. Raises `ValueError`, which does not quote it, where it is none for HTTP."""
    parts = _split(url)
    host, port = _ascii(parts.hostname or ""), parts.port or _PORTS[parts.scheme]
    named = f"[{host}]" if ":" in host else host
    authority = named if port == _PORTS[parts.scheme] else f"{named}:{port}"
    target = quote(parts.path or "/", safe=_KEPT) + (f"?{quote(parts.query, safe=_KEPT)}" if parts.query else "")
    return Address(parts.scheme == "https", host, port, authority, target, _login(parts))


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.scheme in _PORTS and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise ValueError("its address is no http:// or https:// URL")


def _ascii(host: str) -> str:
    """A host's name as DNS and the Host header have it."""
    try:
        return host if host.isascii() and host.isprintable() and " " not in host else host.encode("idna").decode()
    except UnicodeError:
        raise ValueError("its address names a host that cannot be") from None


def _login(parts: SplitResult) -> str:
    if parts.username is None and parts.password is None:
        return ""
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
