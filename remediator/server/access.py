"""Who may ask for what: the webhook's own token, operators' tokens with roles, and what is left without any.

Without tokens nothing from outside of the machine is trusted: the webhook is refused and only reading is possible,
both over loopback alone.
"""

from __future__ import annotations

import base64
import binascii
import enum
import functools
import hashlib
import hmac
import ipaddress
import os
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import Request

from remediator.config.settings import Operator, Web, WebAuth
from remediator.ports import ClusterError
from remediator.rate import Rate
from remediator.server.paces import Paces
from remediator.server.refusal import Refused
from remediator.server.reviews import PREFIX, Reviewer, Reviews

_NOT_ALERTMANAGER = "the webhook's credentials are missing or wrong: see web.auth of the settings"
_NOBODY = "an operator's token is missing or wrong: send it as Authorization: Bearer TOKEN"


class Role(enum.StrEnum):
    """What an operator may do. Roles do not contain each other, but every operator may look."""

    VIEW = "view"
    APPROVE = "approve"
    ADMIN = "admin"


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
    """Checks requests against the settings `web.auth`. Every refusal is a `Refused` that names the setting."""

    def __init__(self, auth: WebAuth, reviewer: Reviewer | None = None, paces: Paces | None = None) -> None:
        self._token = TokenFile(auth.webhook_token_file) if auth.webhook_token_file else None
        basic = auth.webhook_basic_auth
        self._basic = (basic.username.encode(), TokenFile(basic.password_file)) if basic else None
        self._operators = [(operator, TokenFile(operator.token_file)) for operator in auth.operators]
        self._reviews = Reviews(reviewer, auth.kubernetes) if reviewer and auth.kubernetes.enabled else None
        paces = paces or Paces()
        self._strangers, self._paces = Rate(paces.stranger), Rate(paces.operator)

    def webhook(self, request: Request) -> None:
        """Whether the request may hand in alerts: with the webhook's token or password, or over loopback where
        neither is set.
        """
        _demand_same_origin(request)
        if self._token is None and self._basic is None:
            if not _is_direct(request):
                raise Refused(503, "the webhook has no token: set web.auth.webhook_token_file, or listen on loopback")
            return
        try:
            known = self._is_alertmanager(request)
        except (OSError, ValueError) as error:
            raise Refused(503, f"web.auth: the webhook's credentials cannot be used: {error}") from error
        if not known:
            raise self._stranger(
                request, "the webhook's credentials are missing or wrong: see web.auth of the settings"
            )

    async def operator(self, request: Request, *roles: Role) -> str:
        """The name of the operator who asks and has one of these roles; `anonymous` for looking over loopback where
        there are no operators. A `Barred` is one who is known and has none of them.
        """
        _demand_same_origin(request)
        if not self._operators and self._reviews is None:
            if Role.VIEW in roles and _is_direct(request):
                return "anonymous"
            raise Refused(401, "no operators are known: set web.auth.operators; without, only reading over loopback")
        given = _bearer(request)
        operator = self._known(given)
        name = operator.name if operator else await self._allowed(request, given, roles)
        if operator and Role.VIEW not in roles and not set(roles).intersection(operator.roles):
            raise Barred(name, roles)
        if not self._paces.take(name):
            raise Refused(429, f"operator {name} asks too often: wait a little")
        return name

    async def _allowed(self, request: Request, token: bytes, roles: tuple[Role, ...]) -> str:
        """The name of one whom Kubernetes knows and RBAC lets do this."""
        if self._reviews is None or not token:
            raise self._stranger(request, _NOBODY)
        if self._strangers.is_empty(_address(request)) and not self._reviews.knows(token):
            raise self._stranger(request, _NOBODY)
        try:
            subject = await self._reviews.subject(token)
            if subject is None:
                raise self._stranger(request, _NOBODY)
            for role in roles:
                if await self._reviews.may(token, subject, role):
                    return f"{PREFIX}{subject.username}"
        except ClusterError as error:
            why = type(error).__name__  # what the API server says of it may quote what it was sent
            raise Refused(503, f"the API server cannot be asked whose token this is: {why} {error.status}") from error
        raise Barred(f"{PREFIX}{subject.username}", roles)

    def _stranger(self, request: Request, reason: str) -> Refused:
        if self._strangers.take(_address(request)):
            return Refused(401, reason)
        return Refused(429, "too many wrong credentials from this address: try again in a minute")

    def _is_alertmanager(self, request: Request) -> bool:
        if self._basic is not None:
            username, password = self._basic
            name, _, word = _basic(request).partition(b":")
            if password.holds(word) & hmac.compare_digest(name, username):
                return True
        return self._token is not None and self._token.holds(_bearer(request))

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


class Barred(Refused):
    """Somebody who is known, by `name`, has none of the roles that it takes."""

    def __init__(self, name: str, roles: tuple[Role, ...]) -> None:
        by_rbac = name.startswith("kubernetes:")
        giver = "RBAC gives it, as a verb on remediations.remediator.io" if by_rbac else "web.auth.operators gives it"
        super().__init__(403, f"operator {name} has not the role {' or '.join(roles)}; {giver}")
        self.name = name


def shut_doors(web: Web) -> tuple[str, ...]:
    """What to say in the log at the start about doors that stay shut for want of credentials."""
    if is_loopback(web.host):
        return ()
    said = []
    if not web.auth.webhook_token_file and web.auth.webhook_basic_auth is None:
        said.append("no web.auth.webhook_token_file: the webhook answers 503 to all but this machine")
    if not web.auth.has_operators:
        said.append("no web.auth.operators: the API answers 401 to all but this machine, and changes nothing")
    return tuple(said)


@functools.lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a host is this machine: a loopback address or `localhost`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@functools.lru_cache(maxsize=256)
def _host_of(header: str) -> str:
    """The host that a Host header names, without its port; empty where it names none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _bearer(request: Request) -> bytes:
    """The token of a Bearer header; empty, and thus nobody's, where there is none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip().encode("latin-1") if scheme.lower() == "bearer" else b""


def _basic(request: Request) -> bytes:
    """`name:password` of basic authentication; empty where there is none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    try:
        return base64.b64decode(value.strip(), validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        return b""


def _address(request: Request) -> str:
    """Where a request comes from."""
    client = request.scope.get("client")
    return client[0] if client else ""


def _is_direct(request: Request) -> bool:
    """Whether the request comes from this machine, not through a proxy on it, and not by a page in a browser that
    was led to a name of somebody else's (DNS rebinding).
    """
    ends: Iterable[str] = (end[0] if end else "" for end in (request.scope.get("client"), request.scope.get("server")))
    if "forwarded" in request.headers or "x-forwarded-for" in request.headers:
        return False
    asked = request.headers.get("host")
    return all(is_loopback(end) for end in ends) and (asked is None or is_loopback(_host_of(asked)))


def _demand_same_origin(request: Request) -> None:
    """A browser says where the page that asks comes from; nobody else does, and no foreign page has business here."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
    foreign = origin is not None and origin.partition("://")[2] != request.headers.get("host")
    if foreign or site not in ("none", "same-origin"):
        raise Refused(403, "requests from pages of another origin are refused")
