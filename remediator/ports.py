"""The borders of the product on one page: what the core and the loop ask of the world.

Each port has several adapters (the real one and the simulated one at least) and one contract suite in
`tests/contract/` that all of them pass.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from remediator.core.events import Event, Intent, Record, Undo
from remediator.core.message import Message
from remediator.core.model import Change, Json, Ref, Resource, Value

T = TypeVar("T")
"""What objects are decoded as: plain JSON, or a struct of the fields that are wanted."""


class Clock(Protocol):
    """Time as the shell sees it. The core is handed `now` instead."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds of this clock; at once where not positive."""
        ...


class ClusterError(Exception):
    """The API server did not do what was asked; `status` is its HTTP code, 0 where none came."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.message, self.status, self.reason = message, status, reason


class NotFound(ClusterError):
    """404 or 410 of an object: it is not there."""


class Conflict(ClusterError):
    """409, or 422 on a precondition: the object is not the one the change was planned for."""


class Invalid(ClusterError):
    """400 or 422: the API server will never accept this. So is the 500 for a pod that several budgets cover."""


class Forbidden(ClusterError):
    """401 or 403: the account may not; the message names the missing rule."""


class Throttled(ClusterError):
    """429: not now, nothing was done; try again after `retry_after` seconds. An eviction meets its budget's limit."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message, status=429, reason="TooManyRequests")
        self.retry_after = retry_after


class Unavailable(ClusterError):
    """5xx or no connection: nothing is known to have been done, and nothing was sent that could still be."""


class OutcomeUnknown(ClusterError):
    """The connection broke or timed out after a write was sent: it may or may not have happened."""


class Cluster(Protocol):
    """The Kubernetes API as far as the product needs it. Objects are plain JSON as the server sends them.

    Reads raise `NotFound`, `Forbidden`, `Throttled` or `Unavailable`; writes any `ClusterError`.
    """

    async def get(self, ref: Ref) -> Json:
        """The live object; never from a cache."""
        ...

    async def list(self, resource: Resource, namespace: str = "", selector: str = "", fields: str = "") -> list[Json]:
        """All live objects of a type, in one namespace or (empty) in all, that match a label selector string and a
        field selector string (of pods `spec.nodeName=n1`; of most types only name and namespace).
        """
        ...

    async def logs(self, pod: Ref, container: str, *, previous: bool = False, lines: int = 60) -> str:
        """The last lines of a container's log; with `previous` of its instance before the last restart.

        At most 64 KiB. Raises `Invalid` (400) where there is no such instance, or none has begun yet.
        """
        ...

    async def write(self, change: Change) -> Json:
        """Carry a change out once, without retries, and answer the object as the server returns it.

        The precondition travels with it: where the object has another uid or resourceVersion, `Conflict`.
        """
        ...

    async def rehearse(self, change: Change) -> Json:
        """The same request with `dryRun=All`: admission, validation and authorisation are asked, nothing is kept."""
        ...

    def pages(
        self, resource: Resource, namespace: str = "", selector: str = "", form: type[T] = dict
    ) -> AsyncIterator[tuple[Sequence[T], str]]:
        """As `list`, a part at a time, each with the resourceVersion of the whole: a watch after it misses nothing.

        Objects come as `form`, a struct of the fields that are wanted: the others are not even decoded. Raises
        `NotFound` (410) where the list took so long that the server no longer knows how it goes on.
        """
        ...

    def watch(
        self,
        resource: Resource,
        namespace: str = "",
        since: str = "",
        selector: str = "",
        form: type[T] = dict,
        name: str = "",
    ) -> AsyncIterator[tuple[str, T]]:
        """Events `(ADDED|MODIFIED|DELETED|BOOKMARK, object)` after a resourceVersion, of objects that match a selector:
        one that ceases to match is DELETED. With a `name` of that object alone, for which a right to it alone will do.

        Raises `NotFound` (410) where the version is too old, and `Unavailable` where the connection breaks or falls
        silent. Ends without an error when the server closes the stream.
        """
        ...


Objection = Callable[[str, Intent | Undo, bool], Awaitable[str]]
"""Why an intent of an incident must not be carried out now, empty where nothing speaks against it.

Asked right before each attempt; the flag says that the evidence is old by now, since there was a wait. Raises
`Unavailable` where it cannot be known.
"""


class JournalError(Exception):
    """The journal could not take or give what was asked; nothing may be done that it does not hold."""


class Fenced(JournalError):
    """Another writer has appended since: this one is no longer in charge and must stop acting."""


class Broken(JournalError):
    """The chain does not hold; `seq` is the first record that is changed, missing or out of place."""

    def __init__(self, message: str, *, seq: int) -> None:
        super().__init__(message)
        self.seq = seq


class Receipt(Value, frozen=True):
    """A payload in the inbox that no append has consumed yet."""

    id: int
    received_at: datetime
    source: str
    body: bytes


class Journal(Protocol):
    """The append-only, hash-chained table of events, and the inbox beside it in the same database."""

    async def append(self, events: Sequence[Event], *, after: int, consume: Sequence[int] = ()) -> tuple[Record, ...]:
        """Make events durable in one transaction, numbered from `after + 1`, and drop the consumed receipts.

        Raises `Fenced` where the journal's last sequence number is not `after`, `JournalError` where it
        cannot be written. Either all of it is durable or none of it is.
        """
        ...

    async def read(self, after: int = 0, limit: int = 1000) -> tuple[Record, ...]:
        """Up to `limit` records with a sequence number above `after`, in order; without those that were dropped."""
        ...

    async def lines(self, after: int = 0, limit: int = 1000) -> tuple[Json, ...]:
        """The same records as `read`, as plain JSON: in the form that others can verify, nothing left out."""
        ...

    async def story(self, incident: str, limit: int = 1000) -> tuple[Json, ...]:
        """The first `limit` lines about one incident, in order; what was dropped of it is not there."""
        ...

    async def latest(self, kind: str, before: int | None = None, limit: int = 100) -> tuple[Json, ...]:
        """Up to `limit` lines of a kind, the newest first, with sequence numbers below `before` where that is given."""
        ...

    async def head(self) -> tuple[int, str]:
        """The last sequence number and its hash; `(0, "")` in an empty journal."""
        ...

    async def checkpoint(self, before: int | None = None) -> Record | None:
        """The last record of kind `checkpoint`, of those with a sequence number below `before` where that is given."""
        ...

    async def floor(self, incidents: Collection[str], before: datetime) -> tuple[int, str]:
        """The last record, and its hash, that may be dropped: it and all records up to it are older than `before`, none
        is about one of these incidents or before a record that is, and a complete checkpoint stands in for them. Where
        there is none, the place before the first record.
        """
        ...

    async def drop(self) -> int:
        """Forget the records up to the one that the last record of kind `dropped` names, and answer how many went.

        From then on the journal begins behind it: `read` and `lines` give what is left. An interruption leaves nothing
        half; the rest goes with the next call. Raises `JournalError` where no complete checkpoint stands in for them.
        """
        ...

    async def receive(self, source: str, body: bytes, at: datetime) -> int:
        """Make a payload durable in the inbox and answer its number. Raises `JournalError` where it cannot."""
        ...

    async def waiting(self, after: int = 0, limit: int = 100) -> tuple[Receipt, ...]:
        """Receipts not yet consumed, oldest first, with a number above `after`."""
        ...

    async def backlog(self) -> tuple[int, int]:
        """Receipts not yet consumed: their count and their bytes in all, as this writer knows; cheap to ask."""
        ...

    async def close(self) -> None:
        """Finish what was asked and give the database back."""
        ...


class Delivery(Value, frozen=True):
    """A message on its way to one endpoint of a receiver. `key` is the same for every attempt, and another one for
    every message and endpoint; `thread` is what the endpoint answered to the first message about the incident.
    """

    receiver: str
    endpoint: str
    key: str
    message: Message
    thread: str = ""


class Delivered(Value, frozen=True):
    """What came of one attempt: `problem` is empty where it was taken (2xx), else what went wrong, fit for the journal.

    `retry_after` are the seconds that the endpoint asks for, 0 where it does not; `thread` is what it calls the
    conversation, for the messages that follow.
    """

    problem: str = ""
    retry_after: float = 0.0
    thread: str = ""


class Notifier(Protocol):
    """Brings a delivery to its endpoint."""

    async def deliver(self, delivery: Delivery) -> Delivered:
        """Try once, within the endpoint's own time-out. Never raises for what an endpoint does."""
        ...
