"""Operators by Kubernetes: TokenReview says whose a token is, SubjectAccessReview what RBAC lets them do here.

The roles are verbs on a resource that is no object of the cluster: `view`, `approve` and `admin` on `remediations` of
the API group `remediator.io`.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from remediator.config.settings import KubernetesAuth
from remediator.core.model import Json, Resource, Value

GROUP, RESOURCE = "remediator.io", "remediations"

TOKEN_REVIEW = Resource("authentication.k8s.io/v1", "TokenReview", "tokenreviews", namespaced=False)
ACCESS_REVIEW = Resource("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews", namespaced=False)

KEPT_SECONDS = 10.0
"""For how long an answer is believed, good or bad: a token that is revoked is refused after it at the latest."""
MOST_KEPT = 1000
"""Answers kept; one more, and the oldest goes."""
AT_ONCE = 8
"""Reviews under way; more wait."""
LONGEST_TOKEN = 16 * 1024
"""Bytes of a token that is asked about."""
PREFIX = "kubernetes:"
"""Before the name of such an operator: nobody of the cluster passes for one of the settings."""


class Reviewer(Protocol):
    """Asks the API server for its judgement."""

    async def review(self, resource: Resource, spec: Json) -> Json:
        """The `status` of a review with this `spec`; nothing is kept of it in the cluster. Raises `ClusterError`."""
        ...


class Subject(Value, frozen=True):
    """Whose a token is, as TokenReview tells it."""

    username: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, Any] = {}


class Reviews:
    """The answers of one API server, kept for a short while. Of tokens only digests are kept."""

    def __init__(self, reviewer: Reviewer, auth: KubernetesAuth, clock: Callable[[], float] = time.monotonic) -> None:
        self._reviewer, self._auth, self._clock = reviewer, auth, clock
        self._kept: OrderedDict[tuple[bytes, str], tuple[float, Any]] = OrderedDict()
        self._few = asyncio.Semaphore(AT_ONCE)

    async def subject(self, token: bytes) -> Subject | None:
        """Whose token it is; None where it is nobody's. Raises `ClusterError` where that cannot be asked."""
        if not token or len(token) > LONGEST_TOKEN or not token.isascii():
            return None
        return await self._once(token, "", lambda: self._whose(token.decode()))

    def knows(self, token: bytes) -> bool:
        """Whether it was somebody's token a short while ago: then nothing is asked for it."""
        at, subject = self._kept.get((hashlib.sha256(token).digest(), ""), (float("-inf"), None))
        return subject is not None and self._clock() - at < KEPT_SECONDS

    async def may(self, token: bytes, subject: Subject, role: str) -> bool:
        """Whether RBAC gives them the role. Raises as `subject` does."""
        return await self._once(token, role, lambda: self._is_allowed(subject, role))

    async def _once(self, token: bytes, about: str, ask: Callable[[], Any]) -> Any:
        key = hashlib.sha256(token).digest(), about
        at, answer = self._kept.get(key, (float("-inf"), None))
        if self._clock() - at < KEPT_SECONDS:
            return answer
        async with self._few:
            answer = await ask()
        self._kept[key] = self._clock(), answer
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return answer

    async def _whose(self, token: str) -> Subject | None:
        audiences = list(self._auth.audiences)
        status = await self._reviewer.review(TOKEN_REVIEW, {"token": token, "audiences": audiences})
        meant = not audiences or set(audiences) & set(status.get("audiences") or ())
        user = status.get("user") or {}
        if status.get("authenticated") is not True or not meant or not user.get("username"):
            return None
        groups = tuple(map(str, user.get("groups") or ()))
        return Subject(str(user["username"]), str(user.get("uid") or ""), groups, user.get("extra") or {})

    async def _is_allowed(self, subject: Subject, role: str) -> bool:
        attributes = {"group": GROUP, "resource": RESOURCE, "verb": role}
        spec = {"user": subject.username, "groups": list(subject.groups), "resourceAttributes": attributes}
        spec |= {"uid": subject.uid, "extra": subject.extra}
        status = await self._reviewer.review(ACCESS_REVIEW, spec)
        return status.get("allowed") is True and status.get("denied") is not True
