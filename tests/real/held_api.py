"""A proxy before the API server that can hold a request: the place where a process is killed in the middle.

It holds a write that is no dry run either before it is forwarded, or after the API server has carried it out and
before the answer goes back; the first one, or the `write`th. A network that is cut lets nothing through at all, and an
API server in trouble answers writes with its `troubles`.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import httpx
import yaml

from tests.lab.accounts import Account
from tests.lab.lab import Lab
from tests.lab.loopback import Answered, Asked, Loopback
from tests.lab.waiting import PATIENCE

PASSED_ON = ("authorization", "content-type", "accept", "user-agent")


class HeldApi(Loopback):
    """Listens on loopback for the length of a `with` block; `hold` is 'before', 'after' or '' (pass everything on).

    `held` is set once a write is, `arrived` once one that was held before the API server has been answered by it. Each
    write takes the next of `troubles` for its answer, a status and a Retry-After, and goes no further. `arrivals` has
    when each write came.
    """

    protocol = "HTTP/1.1"

    def __init__(self, lab: Lab, hold: str = "", write: int = 1) -> None:
        super().__init__()
        self.is_cut = False
        self.troubles: list[tuple[int, str]] = []
        self.arrivals: list[float] = []
        self.held, self.released, self.arrived = threading.Event(), threading.Event(), threading.Event()
        self.hold_write(hold, write)
        tls = ssl.create_default_context(cafile=lab.ca_file)
        self._client = httpx.Client(base_url=lab.url, verify=tls, timeout=PATIENCE)

    def hold_write(self, hold: str, write: int = 1) -> None:
        """Hold so from now on: the first write, or the `write`th."""
        self.hold, self._earlier = hold, write - 1
        for event in (self.held, self.released, self.arrived):
            event.clear()

    def let_go(self) -> None:
        """Pass on what is held, and hold nothing from now on."""
        self.hold = ""
        self.released.set()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._client.close()

    def kubeconfig(self, account: Account, folder: Path) -> Path:
        """A kubeconfig of the account that goes through this proxy."""
        path = folder / "through-proxy.yaml"
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "held",
                    "clusters": [{"name": "held", "cluster": {"server": self.url}}],
                    "users": [{"name": "held", "user": {"token": account.token}}],
                    "contexts": [{"name": "held", "context": {"cluster": "held", "user": "held"}}],
                }
            )
        )
        return path

    def answer(self, asked: Asked) -> Answered | None:
        headers = {name: value for name, value in asked.headers.items() if name in PASSED_ON}
        try:
            answer = self._forward(asked.method, asked.path, headers, asked.body)
        except httpx.TransportError:  # the API server is down: so is this
            return None
        if answer is None:
            self.released.wait(1 if self.is_cut else 30)
            return None
        after = answer.headers.get("retry-after", "")
        return Answered(answer.content, answer.status_code, answer.headers.get("content-type", ""), after)

    def _forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response | None:
        """Pass a request on, perhaps only when it is `released`; None where it, or its answer, is held for good."""
        if self.is_cut:
            return None
        if is_write(method, path, body):
            self.arrivals.append(time.monotonic())
        if self.troubles and is_write(method, path, body):
            status, after = self.troubles.pop(0)
            return httpx.Response(status, headers={"retry-after": after} if after else {}, json={"message": "trouble"})
        holds, held = self._moment(path, body) if is_write(method, path, body) else ("", self.held)
        try:
            if holds == "before":
                held.set()
                if not self.released.wait(PATIENCE):
                    return None
            answer = self._client.request(method, path, headers=headers, content=body)
        finally:
            if holds == "before":
                self.arrived.set()
        if holds == "after":
            held.set()
            return None
        return answer

    def _moment(self, path: str, body: bytes) -> tuple[str, threading.Event]:
        """When a write is held, and who is told: the `write`th and every one after it."""
        self._earlier -= 1
        return (self.hold if self._earlier < 0 else ""), self.held


def is_write(method: str, path: str, body: bytes) -> bool:
    """Whether a request changes something that counts; a dry run does not, nor a lease, nor an Event."""
    return (
        method in ("PATCH", "POST", "DELETE")
        and "/leases" not in path
        and "/events" not in path
        and "dryRun" not in path
        and b"dryRun" not in body
    )


@dataclass
class Held:
    """The writes about what bears one of these marks in its name: the `write`th is held for good, `before` or `after`
    the API server has it.
    """

    marks: tuple[str, ...]
    write: int
    moment: str
    seen: int = 0
    event: threading.Event = field(default_factory=threading.Event)


class HeldEach(HeldApi):
    """A proxy that holds one write of each of several, until it is told to pass everything on."""

    def __init__(self, lab: Lab, each: Sequence[Held]) -> None:
        super().__init__(lab)
        self._each, self._counting, self.passes_on = tuple(each), threading.Lock(), False

    def _moment(self, path: str, body: bytes) -> tuple[str, threading.Event]:
        text = path + body.decode("utf-8", "replace")
        with self._counting:
            for one in () if self.passes_on else self._each:
                if any(mark in text for mark in one.marks):
                    one.seen += 1
                    return (one.moment if one.seen >= one.write else ""), one.event
        return "", self.held
