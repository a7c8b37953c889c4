"""When writes reached the API server and when they were done, as its audit log says: the product is never asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec


class Write(NamedTuple):
    """One persisted PATCH: of which object, and the wall-clock instants of its arrival and of its completion."""

    name: str
    received: float
    done: float


class _User(msgspec.Struct):
    username: str


class _Object(msgspec.Struct):
    name: str = ""


class _Status(msgspec.Struct):
    code: int = 0


class _Event(msgspec.Struct, rename="camel"):
    """What is needed of an event of audit.k8s.io/v1."""

    stage: str
    verb: str
    user: _User
    request_received_timestamp: datetime
    stage_timestamp: datetime
    object_ref: _Object | None = None
    response_status: _Status | None = None
    request_u_r_i: Any = msgspec.field(name="requestURI", default="")


_decode = msgspec.json.Decoder(_Event).decode


class Writes:
    """The PATCHes of an audit log, read on from where the last look ended."""

    def __init__(self, log: Path) -> None:
        self._log, self._offset = log, log.stat().st_size

    def new(self) -> dict[str, list[Write]]:
        """Persisted PATCHes since the last look, by user name."""
        found: dict[str, list[Write]] = {}
        for event in self._events():
            code = event.response_status.code if event.response_status else 0
            if event.verb == "patch" and 200 <= code < 300 and "dryRun=" not in event.request_u_r_i:
                received, done = event.request_received_timestamp.timestamp(), event.stage_timestamp.timestamp()
                name = event.object_ref.name if event.object_ref else ""
                found.setdefault(event.user.username, []).append(Write(name, received, done))
        return found

    def _events(self) -> Iterator[_Event]:
        with self._log.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                event = _decode(line)
                if event.stage == "ResponseComplete":
                    yield event
