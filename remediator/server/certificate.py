"""The server's own certificate: new connections get what the files say now, those at hand go on with what they have."""

from __future__ import annotations

import asyncio
import os
import ssl

from remediator.config.settings import WebTls
from remediator.logs import logger

LOOK_EVERY = 5.0
"""Seconds between two looks whether the files have changed."""

log = logger("server")

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


class CertificateError(Exception):
    """Certificate and key cannot be used; the message names the files and says why."""


class Certificate:
    """A context that is renewed in place. Raises `CertificateError` where it cannot be used from the start."""

    def __init__(self, tls: WebTls) -> None:
        self._tls, self._seen = tls, _stamps(tls)
        self.context, self._files = _context(tls), (tls.cert_file, tls.key_file)

    async def watch(self) -> None:
        """Look at the files until cancelled. What cannot be used is told once, and the last good one stays."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.look()

    def look(self) -> None:
        """Take the files where they have changed. A key that does not fit is tried apart: it must harm nobody."""
        stamps = _stamps(self._tls)
        if stamps == self._seen:
            return
        self._seen = stamps
        try:
            _context(self._tls)
            self.context.load_cert_chain(*self._files)
        except (CertificateError, OSError) as error:
            log.error("the new certificate cannot be used; the last one stays", problem=str(error))
            return
        log.info("new connections get a new certificate", file=self._tls.cert_file)


def _context(tls: WebTls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(tls.cert_file, tls.key_file, password=_no_password)
        if tls.client_ca_file:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(tls.client_ca_file)
    except (OSError, ValueError) as error:
        files = ", ".join(filter(None, (tls.cert_file, tls.key_file, tls.client_ca_file)))
        raise CertificateError(f"web.tls_config: {files}: {_why(error)}") from error
    return context


def _no_password() -> str:
    """Asked for where the key is encrypted: nobody is there to type it."""
    raise ValueError("the key is encrypted; write one that is not, readable for this process alone")


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"{error.reason or error}: a certificate in PEM with its key is expected"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _stamps(tls: WebTls) -> tuple[object, ...]:
    """What tells that a file has changed; a file that is gone is a change too."""
    return tuple(_stamp(file) for file in (tls.cert_file, tls.key_file))


def _stamp(file: str) -> object:
    try:
        found = os.stat(file)
    except OSError as error:
        return error.errno
    return found.st_ino, found.st_mtime_ns, found.st_size
