"""TLS as the settings say it, made anew when one of its files changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from remediator.clients.http_config import Tls

if TYPE_CHECKING:
    import ssl

_VERSIONS = {"TLS10": "TLSv1", "TLS11": "TLSv1_1", "TLS12": "TLSv1_2", "TLS13": "TLSv1_3"}


class Contexts:
    """A context for each `Tls`, kept so that connections are, until one of its files has another time or size."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], tuple[object, ssl.SSLContext | None]] = {}

    def of(self, tls: Tls) -> ssl.SSLContext | None:
        """The context; `None` where the settings say nothing. Raises `OSError` (`SSLError` is one) as `context_of`."""
        key, stamps = tuple(getattr(tls, name) for name in tls.__struct_fields__), _stamps(tls)
        kept = self._kept.get(key)
        if kept is None or kept[0] != stamps:
            kept = self._kept[key] = stamps, context_of(tls)
        return kept[1]


def context_of(tls: Tls) -> ssl.SSLContext | None:
    """What the settings say about certificates; `None` where they say nothing. Raises `OSError`, naming the file."""
    if tls in (Tls(), Tls(server_name=tls.server_name)):
        return None
    import ssl  # settings alone do not need it, and it is slow to import

    context = ssl.create_default_context(cafile=tls.ca_file or None)
    if tls.cert_file:
        context.load_cert_chain(tls.cert_file, tls.key_file or None)
    if tls.insecure_skip_verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if tls.min_version:
        context.minimum_version = ssl.TLSVersion[_VERSIONS[tls.min_version]]
    if tls.max_version:
        context.maximum_version = ssl.TLSVersion[_VERSIONS[tls.max_version]]
    return context


def _stamps(tls: Tls) -> object:
    """What tells that a file has changed. Raises `OSError` where one is not there."""
    files = (tls.ca_file, tls.cert_file, tls.key_file)
    return tuple((found.st_mtime_ns, found.st_size) for found in (Path(file).stat() for file in files if file))
