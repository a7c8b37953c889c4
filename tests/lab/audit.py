"""The oracle: what an account really did, as the API server wrote it down before it answered.

The log is in blocking mode: by the time a client has its answer, the line is in the file.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

WRITE_VERBS = frozenset({"create", "update", "patch", "delete", "deletecollection"})
"""The verbs that may change the cluster."""

# A create of these is a question, or hands out a token: nothing is kept in the cluster.
_QUESTION_GROUPS = frozenset({"authorization.k8s.io", "authentication.k8s.io"})


@dataclass(frozen=True)
class Request:
    """One request, answered, as the audit log has it.

    ``verb`` is the API's (create, patch, …), ``resource`` the plural, ``subresource`` empty for the object
    itself. ``code`` is the HTTP status; ``dry_run``: the client asked for ``dryRun=All``, in any of its forms.
    ``body`` is what the client sent (a patch, an object, delete options; None where the policy keeps none),
    ``answer`` the object or Status that came back. ``uri`` has the query.
    """

    user: str
    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    dry_run: bool
    user_agent: str
    time: datetime
    uri: str
    audit_id: str
    body: Any = field(default=None, repr=False)
    answer: Any = field(default=None, repr=False)

    @property
    def is_write(self) -> bool:
        """Whether such a request changes the cluster when it succeeds and is no dry run."""
        asks = self.group in _QUESTION_GROUPS or (self.resource, self.subresource) == (
            "serviceaccounts",
            "token",
        )
        return self.verb in WRITE_VERBS and not asks

    @property
    def succeeded(self) -> bool:
        """Whether the API server said 2xx."""
        return 200 <= self.code < 300

    @property
    def persisted(self) -> bool:
        """Whether it is a write that the cluster kept. A patch that changes nothing counts: it was sent."""
        return self.is_write and self.succeeded and not self.dry_run


class AuditLog:
    """The audit log of a control plane, read on from where the last look ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._reading = threading.Lock()
        self._requests: list[Request] = []

    def requests(self) -> tuple[Request, ...]:
        """All requests so far, by the order in which they were answered."""
        if self._path.exists():
            with self._reading, self._path.open("rb") as log:
                log.seek(self._offset)
                complete = log.read().rpartition(b"\n")[0]
                self._offset += len(complete) + 1 if complete else 0
                self._requests += parse_lines(complete.splitlines())
        return tuple(self._requests)

    def of(self, user: str, namespace: str | None = None) -> tuple[Request, ...]:
        """The requests of one user name; of all namespaces where ``namespace`` is None."""
        return tuple(
            request for request in self.requests() if request.user == user and namespace in (None, request.namespace)
        )


def parse_lines(lines: Iterable[bytes]) -> list[Request]:
    """The answered requests among lines of the log."""
    events = (json.loads(line) for line in lines if line.strip())
    return [parse_event(event) for event in events if event["stage"] in ("ResponseComplete", "Panic")]


def parse_event(event: Mapping[str, Any]) -> Request:
    """One event of ``audit.k8s.io/v1`` as a value."""
    target = event.get("objectRef") or {}
    body = event.get("requestObject")
    return Request(
        user=event["user"]["username"],
        verb=event["verb"],
        group=target.get("apiGroup", ""),
        resource=target.get("resource", ""),
        subresource=target.get("subresource", ""),
        namespace=target.get("namespace", ""),
        name=target.get("name", "") or _name_in(event.get("responseObject")),
        code=int((event.get("responseStatus") or {}).get("code", 0)),
        dry_run=is_dry_run(event["requestURI"], body),
        user_agent=event.get("userAgent", ""),
        time=datetime.fromisoformat(event["requestReceivedTimestamp"].replace("Z", "+00:00")),
        uri=event["requestURI"],
        audit_id=event["auditID"],
        body=body,
        answer=event.get("responseObject"),
    )


def is_dry_run(uri: str, body: Any) -> bool:
    """Whether a request asks for a dry run: in its query, or in (an eviction's) delete options."""
    if parse_qs(urlsplit(uri).query).get("dryRun"):
        return True
    if not isinstance(body, Mapping):
        return False
    options = body.get("deleteOptions") if body.get("kind") == "Eviction" else body
    return isinstance(options, Mapping) and _is_delete_options(options, body) and bool(options.get("dryRun"))


def _is_delete_options(options: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    return options is not body or body.get("kind") == "DeleteOptions"


def _name_in(answer: Any) -> str:
    """The name that a created object got; a create of ``POST`` names it in its body alone."""
    if not isinstance(answer, Mapping) or answer.get("kind") == "Status":
        return ""
    return str((answer.get("metadata") or {}).get("name", ""))
