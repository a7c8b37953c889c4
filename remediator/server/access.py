"""Who may ask for what: the webhook's own token, operators' tokens with roles, and what is left without any.

Without tokens nothing from outside of the machine is trusted: the webhook is refused and only reading is possible,
both over loopback alone.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import hmac
import ipaddress
import os
from collections.abc import Iterable

from starlette.requests import Request

from remediator.core.model import Value
from remediator.server.refusal import Refused


class Role(enum.StrEnum):
    """What an operator may do. Roles do not contain each other, but every operator may look."""

    VIEW = "view"
    APPROVE = "approve"
    ADMIN = "admin"


class Operator(Value, frozen=True):
    """A person or program that may call the API. `name` stands in the journal as the actor."""

    name: str
    token_file: str
    roles: tuple[Role, ...]


class Keys(Value, frozen=True):
    """The settings `web.auth`: files with tokens; an empty name and no operators where nothing is configured."""

    webhook_token_file: str = ""
    operators: tuple[Operator, ...] = ()


class TokenFile:
    """A token in a file, read again when the file changes. Only its digest is kept in memory."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._seen: tuple[int, ...] = ()
        self._digest = b""

    def holds(self, given: bytes) -> bool:
        """Whether this is the token, in a time that does not tell how much of it is right. Raises `OSError` where
        the file cannot be read and `ValueError` where it holds no token.
        """
        stat = os.stat(self.path)
        seen = (stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)
        if seen != self._seen:
            self._digest, self._seen = self._read(), seen
        return hmac.compare_digest(self._digest, hashlib.sha256(given).digest())

    def _read(self) -> bytes:
        with open(self.path, "rb") as file:
            token = file.read(64 * 1024).strip()
        if not token:
            raise ValueError(f"{self.path} holds no token")
        return hashlib.sha256(token).digest()


class Access:
    """Checks requests against the keys. Every method raises `Refused`, with a reason that names the setting."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._webhook = TokenFile(keys.webhook_token_file) if keys.webhook_token_file else None
        self._operators = [(operator, TokenFile(operator.token_file)) for operator in keys.operators]

    def warnings(self, listen: str) -> tuple[str, ...]:
        """What to say in the log at the start about doors that stay shut at this listen address."""
        if is_loopback(listen.rpartition(":")[0].strip("[]")):
            return ()
        said = []
        if self._webhook is None:
            said.append("no web.auth.webhook_token_file: the webhook answers 503 to all but this machine")
        if not self._operators:
            said.append("no web.auth.operators: the API answers 401 to all but this machine, and changes nothing")
        return tuple(said)

    def webhook(self, request: Request) -> None:
        """Whether the request may hand in alerts: with the webhook's token, or over loopback where there is none."""
        _demand_same_origin(request)
        if self._webhook is None:
            if not _is_direct(request):
                raise Refused(503, "the webhook has no token: set web.auth.webhook_token_file, or listen on loopback")
            return
        try:
            known = self._webhook.holds(_token(request))
        except (OSError, ValueError) as error:
            raise Refused(503, f"web.auth.webhook_token_file cannot be used: {error}") from error
        if not known:
            raise Refused(401, "the webhook's token is missing or wrong: send it as Bearer token or basic password")

    def operator(self, request: Request, role: Role) -> str:
        """The name of the operator who asks and has that role; `anonymous` for looking over loopback where there
        are no operators.
        """
        _demand_same_origin(request)
        if not self._operators:
            if role is Role.VIEW and _is_direct(request):
                return "anonymous"
            raise Refused(401, "no operators are known: set web.auth.operators; without, only reading over loopback")
        operator = self._known(_token(request))
        if operator is None:
            raise Refused(401, "an operator's token is missing or wrong: send it as Bearer token or basic password")
        if role is not Role.VIEW and role not in operator.roles:
            raise Refused(403, f"operator {operator.name} has not the role {role}")
        return operator.name

    def _known(self, given: bytes) -> Operator | None:
        """The operator with that token. All are compared, so that the time does not tell which."""
        found = None
        for operator, file in self._operators:
            try:
                if file.holds(given):
                    found = operator
            except (OSError, ValueError):
                continue
        return found


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: a loopback address or `localhost`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _token(request: Request) -> bytes:
    """The token that the request brings: of a Bearer header, or the password of basic authentication."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("latin-1")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""


def _is_direct(request: Request) -> bool:
    """Whether the request comes from this machine, not through a proxy on it, and not by a page in a browser that
    was led to a name of somebody else's (DNS rebinding).
    """
    ends: Iterable[str] = (end[0] if end else "" for end in (request.scope.get("client"), request.scope.get("server")))
    if "forwarded" in request.headers or "x-forwarded-for" in request.headers:
        return False
    return all(is_loopback(end) for end in ends) and is_loopback(request.url.hostname or "")


def _demand_same_origin(request: Request) -> None:
    """A browser says where the page that asks comes from; nobody else does, and no foreign page has business here."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Refused(403, "requests from pages of another origin are refused")
