"""The running remediator's own HTTP API, as the command line asks it. Synchronous: a command asks once and ends."""

from __future__ import annotations

import http.client
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import msgspec

if TYPE_CHECKING:
    import ssl

PATIENCE = 30.0
"""Seconds for one answer."""


class ServiceError(Exception):
    """The service did not do what was asked; the message says what is wrong and what to do next."""


class ServiceApi:
    """One service at a base URL; `token_file` holds an operator's token, empty for none, `ca_file` the CA of its
    certificate, empty for those of the system; `patience` are the seconds that an answer may take.
    """

    def __init__(self, url: str, token_file: str = "", ca_file: str = "", patience: float = PATIENCE) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ServiceError(f"{url!r} is no address of a service: write http://HOST:PORT")
        self.url, self._token_file, self._patience = url.rstrip("/"), token_file, patience
        self._tls = _context(ca_file) if self.url.startswith("https") else None

    def get(self, path: str, **query: str) -> Any:
        """The JSON answer of a GET."""
        return self._ask(Request(f"{self.url}{path}?{urlencode(query)}" if query else f"{self.url}{path}"))

    def post(self, path: str, body: Any) -> Any:
        """The JSON answer of a POST."""
        content = {"Content-Type": "application/json"}
        return self._ask(Request(f"{self.url}{path}", msgspec.json.encode(body), content, method="POST"))

    def pages(self, path: str, most: int, **query: str) -> list[Any]:
        """Up to `most` items of a paged list, newest first."""
        found: list[Any] = []
        after = ""
        while len(found) < most:
            page = self.get(
                path, limit=str(min(most - len(found), 500)), **query, **({"after": after} if after else {})
            )
            found += page["items"]
            after = page["next"]
            if not after:
                break
        return found

    def _ask(self, request: Request) -> Any:
        if self._token_file:
            request.add_unredirected_header("Authorization", f"Bearer {self._token()}")
        try:
            with urlopen(request, timeout=self._patience, context=self._tls) as answer:
                return msgspec.json.decode(answer.read())
        except HTTPError as error:
            raise ServiceError(f"{self.url} answers {error.code}: {_reason(error)}") from error
        except (URLError, TimeoutError, http.client.HTTPException, msgspec.DecodeError) as error:
            why, hint = _trouble(error)
            raise ServiceError(f"no answer of a remediator at {self.url}: {why}; {hint}") from error

    def _token(self) -> str:
        try:
            token = Path(self._token_file).read_bytes().strip()
        except OSError as error:
            said = f"--token-file {self._token_file} cannot be read: {error.strerror or error}"
            raise ServiceError(f"{said}; name a readable file") from error
        if not re.fullmatch(rb"[!-~]+", token):  # what is wrong with it must not be told with its text
            raise ServiceError(f"--token-file {self._token_file} holds no token: one line without spaces is expected")
        return token.decode()


def _context(ca_file: str) -> ssl.SSLContext:
    import ssl

    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        why = error.strerror or error
        raise ServiceError(f"--ca-file {ca_file} is no certificate that can be read: {why}") from error


def _trouble(error: Exception) -> tuple[str, str]:
    """What kept an answer from coming, without Python's wrapping, and what to look at."""
    reason = error.reason if isinstance(error, URLError) else error
    if distrust := getattr(reason, "verify_message", ""):  # of ssl.SSLCertVerificationError
        return f"its certificate is not trusted: {distrust}", "name its CA by --ca-file"
    why = getattr(reason, "strerror", None) or str(reason) or "it ended the connection"
    return str(why), "is it running, and is --server right?"


def _reason(error: HTTPError) -> str:
    try:
        return str(msgspec.json.decode(error.read())["error"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return error.reason
