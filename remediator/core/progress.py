"""A step of several writes as the journal tells it: what is done of it, by when it must be, and why it was given up.

Each write is an intent of its own with its outcome; this is what holds them together.
"""

from __future__ import annotations

from datetime import datetime

from remediator.core.model import Json, OutcomeStatus, Ref, Value, Verb

MOST_WRITES = 500
"""Writes of one step; a step that has made so many and is not done is given up."""


class Written(Value, frozen=True):
    """One write of a step that was carried out: its intent's id, what it did to which object, and what it took away."""

    intent: str
    verb: Verb
    ref: Ref
    uid: str
    status: OutcomeStatus
    prior: Json = {}


class Progress(Value, frozen=True):
    """A step under way. Past `until` (inclusive) no further write is made, but for one that gives back what it took,
    for which it waits until `due`.

    `failed` says why it is given up, once it is; `ended` that its last write is done and it is verified from now on.
    """

    began_at: datetime
    until: datetime
    due: datetime | None = None
    done: tuple[Written, ...] = ()
    failed: str = ""
    ended: bool = False
