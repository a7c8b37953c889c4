"""What people are told about one incident, as the state keeps it: a thread for each endpoint, its messages in order."""

from __future__ import annotations

from datetime import datetime

from remediator.core.message import Message
from remediator.core.model import Target, Value


class Letter(Value, frozen=True):
    """A message that an endpoint has not taken yet; `key` is the same for every attempt."""

    key: str
    message: Message
    requested_at: datetime


class Thread(Value, frozen=True):
    """The conversation with one endpoint of a receiver about one incident.

    `ref` is what the endpoint calls it, `told` how many messages it took, `lost` how many were given up; `problem` is
    why the last attempt failed, empty where it did not.
    """

    receiver: str
    endpoint: str
    ref: str = ""
    waiting: tuple[Letter, ...] = ()
    problem: str = ""
    told: int = 0
    lost: int = 0


class Correspondence(Value, frozen=True):
    """All threads about one incident. `sent` counts its messages: it makes their keys."""

    rule: str
    target: Target | None
    sent: int = 0
    threads: tuple[Thread, ...] = ()

    @property
    def is_waiting(self) -> bool:
        """Whether anything is still to be delivered."""
        return any(thread.waiting for thread in self.threads)

    def thread(self, receiver: str, endpoint: str) -> Thread | None:
        """The thread with one endpoint, None where none was begun."""
        return next((each for each in self.threads if (each.receiver, each.endpoint) == (receiver, endpoint)), None)
