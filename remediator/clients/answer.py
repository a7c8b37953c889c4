"""What the Kubernetes API answered, as one of the errors of the port. Pure; the transport has read the bytes."""

from __future__ import annotations

import msgspec

from remediator.clients.request import Request
from remediator.core.model import Json, Value
from remediator.core.rights import missing_right
from remediator.ports import (
    ClusterError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    OutcomeUnknown,
    Throttled,
    Unavailable,
)

_TEXT = 1000
"""Characters kept of what the server says."""


class Answer(Value, frozen=True):
    """An HTTP answer; `retry_after` is that header as sent."""

    status: int
    body: bytes = b""
    retry_after: str = ""


class _Cause(Value, frozen=True):
    reason: str = ""
    message: str = ""
    field: str = ""


class _Details(Value, frozen=True):
    causes: tuple[_Cause, ...] | None = None
    retryAfterSeconds: int = 0  # noqa: N815  as the API names it


class _Status(Value, frozen=True):
    """`metav1.Status`, the API server's form of an error."""

    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details | None = None


def decode(body: bytes) -> Json:
    """The JSON object in a body; `ValueError` where it is anything else."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if not isinstance(found, dict):
        raise ValueError(f"a JSON object is expected, not {type(found).__name__}")
    return found


def error_of(answer: Answer, request: Request) -> ClusterError:
    """The error that an answer other than 2xx stands for."""
    said = _status_of(answer.body)
    message = f"{request.what}: {said.message or f'HTTP {answer.status}'}"
    if answer.status == 429:
        return Throttled(message, retry_after=_patience(answer, said))
    if answer.status == 403 and _is_about_to_go(said, request):
        return Throttled(message, retry_after=AGAIN_IN_A_DYING_NAMESPACE)
    if answer.status == 403 and (right := missing_right(message)):
        message = f"{request.what}: the account lacks a right, {right} ({said.message})"
    return _kind(answer.status, said, request)(message, status=answer.status, reason=said.reason)


SEVERAL_BUDGETS = "more than one PodDisruptionBudget"
"""What the API server says with a 500 of a pod that it will never evict (registry/core/pod/storage/eviction.go)."""


TERMINATING = "NamespaceTerminating"
"""The cause of a 403 of a namespace that is being deleted (k8s.io/api/core/v1, NamespaceTerminatingCause)."""

AGAIN_IN_A_DYING_NAMESPACE = 5.0
"""Seconds after which kubectl asks again (pkg/drain/drain.go)."""


def _is_about_to_go(said: _Status, request: Request) -> bool:
    """Whether it is an eviction out of a namespace that is being deleted: refused until its pod is deleted as well.

    kubectl drain asks again until it is, and then waits for its end.
    """
    causes = (said.details and said.details.causes) or ()
    return request.path.endswith("/eviction") and any(cause.reason == TERMINATING for cause in causes)


def _kind(status: int, said: _Status, request: Request) -> type[ClusterError]:
    if status == 500 and SEVERAL_BUDGETS in said.message:
        return Invalid
    if status in (401, 403):
        return Forbidden
    if status in (404, 410):
        return NotFound
    if status == 409 or (status == 422 and _unmet(said, request)):
        return Conflict
    if status == 408 or not 400 <= status < 500:
        return _fault(status, said, request)
    return Invalid


def _unmet(said: _Status, request: Request) -> bool:
    """Whether a 422 speaks of a precondition.

    Another uid in a merge patch is an immutable `metadata.uid`. Of a JSON patch that does not apply, be it a `test`
    or a path that is not there, the API server says neither cause nor field: it is not the object that was planned for.
    """
    causes = (said.details and said.details.causes) or ()
    if any(cause.field == "metadata.uid" for cause in causes) or "metadata.uid: Invalid value" in said.message:
        return True
    return "json-patch" in request.content_type and not causes


def _fault(status: int, said: _Status, request: Request) -> type[ClusterError]:
    """5xx and what makes no sense. A write of which a gateway or etcd lost sight may still happen."""
    if not request.writes:
        return Unavailable
    lost = status in (502, 504) or (status == 500 and "etcdserver:" in said.message)
    return OutcomeUnknown if lost else Unavailable


def _patience(answer: Answer, said: _Status) -> float:
    """Seconds to wait after a 429: the header, else the body's details, else 1."""
    if answer.retry_after.isascii() and answer.retry_after.isdigit():
        return float(min(int(answer.retry_after[:9]), 3600))
    seconds = said.details.retryAfterSeconds if said.details else 0
    return float(min(seconds, 3600)) if seconds > 0 else 1.0


def _status_of(body: bytes) -> _Status:
    try:
        status = msgspec.json.decode(body, type=_Status)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Status(message=" ".join(body[:_TEXT].decode("utf-8", "replace").split()))
    return msgspec.structs.replace(status, message=status.message[:_TEXT], reason=status.reason[:100])
