"""Which way a request takes: its proxy, and where a redirect leads. Pure but for the environment's own proxies."""

from __future__ import annotations

import functools
import ipaddress
from urllib.parse import SplitResult, urljoin, urlsplit

from remediator.clients.http_config import Proxying

KEEPING = frozenset({307, 308})
"""Redirects after which the same request is sent again; the others turn a POST into a GET."""
_READING = frozenset({301, 302, 303, *KEEPING})


def proxy_of(way: Proxying, url: str) -> str | None:
    """The proxy for a URL. `no_proxy` lists hosts (their subdomains too), addresses, CIDR blocks and `*`."""
    if way.proxy_from_environment:
        from urllib.request import getproxies_environment  # loads http.client and email, for few

        known = getproxies_environment()
        parts = urlsplit(url)
        passed = _passed_by(known.get("no", way.no_proxy), parts)
        return None if passed else known.get(parts.scheme) or way.proxy_url or None
    return _named(way.proxy_url, way.no_proxy, url) if way.proxy_url else None


@functools.lru_cache(maxsize=64)
def _named(proxy: str, without: str, url: str) -> str | None:
    """The proxy that the settings name, but for what it is passed by for."""
    return None if _passed_by(without, urlsplit(url)) else proxy


def onward(method: str, url: str, status: int, location: str) -> str:
    """Where an answer sends the same request on to; empty where it does not, or where it must not be followed.

    A POST is not turned into a GET (what it says would be lost, and a sign-in page would count as an answer), and
    what was encrypted stays so.
    """
    if not location or status not in (_READING if method == "GET" else KEEPING):
        return ""
    try:
        there, here = urlsplit(urljoin(url, location)), urlsplit(url)
    except ValueError:
        return ""
    kept = there.scheme == here.scheme or (here.scheme, there.scheme) == ("http", "https")
    return there.geturl() if kept and there.hostname else ""


def same_place(one: str, other: str) -> bool:
    """Whether two URLs name the same server, so that what is secret may be told to both."""
    return _place(urlsplit(one)) == _place(urlsplit(other))


def _place(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _passed_by(no_proxy: str, parts: SplitResult) -> bool:
    host, port = parts.hostname or "", _place(parts)[2]
    entries = [entry.strip().lower() for entry in no_proxy.split(",") if entry.strip()]
    return any(entry == "*" or _names(entry, host, port) for entry in entries)


def _names(entry: str, host: str, port: int | None) -> bool:
    """Whether an entry of `no_proxy` speaks of a host; one with a port of that port alone."""
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        name, _, wanted = entry.partition(":")
        name = name.lstrip("*").lstrip(".")
        return (host == name or host.endswith(f".{name}")) and wanted in ("", str(port))
