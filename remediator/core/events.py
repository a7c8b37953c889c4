"""The journal's events: what was seen, decided, intended and done, as frozen values with a `kind` each.

An `Event` is what the core emits; a `Record` is an event with its place in the chain. The JSON form of a record
is the journal line of the docs.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from remediator.core.diagnosis import Diagnosis
from remediator.core.message import Message
from remediator.core.model import (
    Change,
    CloseReason,
    Json,
    Mode,
    OutcomeStatus,
    Target,
    Value,
    Verdict,
)
from remediator.core.rules import Policy, Rule


class Signal(Value, frozen=True, tag_field="kind", tag="signal"):
    """Something seen of an alert, said once: `firing`, `resolved`, `doubted` (gone, and nobody has measured
    that, by the `reason`), `unresolved` (no target) or `skipped` (unusable).

    `received_at` is when it became durable in the inbox, `value` that of a query's series.
    """

    source: str
    status: str
    fingerprint: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    starts_at: datetime | None = None
    reason: str = ""
    received_at: datetime | None = None
    value: float | None = None


class IncidentOpened(Value, frozen=True, tag_field="kind", tag="incident_opened"):
    """A rule has evidence about a target for the first time; `zone` is that of a node."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    zone: str = ""


class Decision(Value, frozen=True, tag_field="kind", tag="decision"):
    """What is to be done about an incident and every guard's answer.

    `result` is act, observe, hold, deny or await_approval. After a denial, and after a rung that only looks, `then`
    says where the ladder goes on: `next` rung, the `person` at its end, or `rest` until the signals clear. `retry_at`
    is the earliest instant at which a hold may end, or that at which an approval expires; `plan` is what is to be
    approved. `outlook` are the writes that a step of several would make as things stand, in words; said at its
    beginning.
    """

    result: str
    verdicts: tuple[Verdict, ...]
    step: int
    action: str = ""
    evidence: Json = {}
    retry_at: datetime | None = None
    then: str = ""
    plan: str = ""
    outlook: tuple[str, ...] = ()


class Intent(Value, frozen=True, tag_field="kind", tag="intent"):
    """A write that is about to happen, durable before it does. `epoch` is the term of office it was made in.

    `part` is 0 for the only write of its step; of a step of several writes it counts from 1, `left` is how many more
    are foreseen, and `until` the instant by which the step must be done; `due` is when it gives back what it took.
    `message` is what an outside system is asked with, the same at every attempt.
    """

    id: str
    action: str
    step: int
    epoch: int
    change: Change
    diff: str = ""
    prior: Json = {}
    part: int = 0
    left: int = 0
    until: datetime | None = None
    due: datetime | None = None
    message: Message | None = None


class Outcome(Value, frozen=True, tag_field="kind", tag="outcome"):
    """What became of an intent."""

    intent: str
    status: OutcomeStatus
    detail: str = ""
    resource_version: str = ""
    generation: int = 0


class Verification(Value, frozen=True, tag_field="kind", tag="verification"):
    """What fresh evidence says about a step: healthy, not_yet, failed or unknown. Said when it changes.

    `since` is when the target became healthy; after `failed`, `then` is undo, next, or, where somebody else took our
    change back, `again` at first and `person` the second time, or `rest` where that is a person's word. A step of
    several writes says `verify` when the last of them is done: what follows is about what they brought.
    """

    result: str
    step: int
    detail: str = ""
    since: datetime | None = None
    then: str = ""


class Undo(Value, frozen=True, tag_field="kind", tag="undo"):
    """An intent that takes an earlier one back, durable before it is carried out."""

    id: str
    of: str
    action: str
    step: int
    epoch: int
    change: Change
    diff: str = ""


class Approval(Value, frozen=True, tag_field="kind", tag="approval"):
    """An answer to `await_approval`: approve, deny or expired, bound to the plan that was shown; or one that does not
    count and changes nothing: `refused`, with the reason.

    `enough` tells that with this answer the plan may be carried out; `then` is where an expiry leads: `person` or
    `rest`. Who answered is the event's actor.
    """

    answer: str
    plan: str
    enough: bool = False
    reason: str = ""
    then: str = ""


class Escalated(Value, frozen=True, tag_field="kind", tag="escalated"):
    """A person is told: `requested`, then `delivered` where one endpoint of the receiver took it, `undelivered` (with
    the `problem`) where the first attempt failed, `abandoned` where all endpoints were given up; `observed` where the
    mode forbids telling.
    """

    receiver: str
    status: str
    cause: CloseReason
    reason: str = ""
    problem: str = ""


class Notice(Value, frozen=True, tag_field="kind", tag="notice"):
    """A message about an incident on its way to a receiver: `requested` with the `message`, durable before it is sent;
    then of each `endpoint` of the receiver `delivered`, `undelivered` (said once a message, with the `problem`; it is
    tried again) or `abandoned`.

    `key` is the message's own and the same for every attempt. `thread` is what the endpoint calls the conversation.
    """

    key: str
    receiver: str
    status: str
    endpoint: str = ""
    message: Message | None = None
    thread: str = ""
    problem: str = ""


class IncidentClosed(Value, frozen=True, tag_field="kind", tag="incident_closed"):
    """The end of an incident; `evidence` are the facts that proved a recovery."""

    reason: CloseReason
    detail: str = ""
    evidence: Json = {}


class RulesChanged(Value, frozen=True, tag_field="kind", tag="rules"):
    """Rules as they are from here on: what changed in full, what went by name; `error` where a reload failed."""

    policy: Policy | None = None
    changed: tuple[Rule, ...] = ()
    removed: tuple[str, ...] = ()
    error: str = ""


class Leader(Value, frozen=True, tag_field="kind", tag="leader"):
    """Somebody took office: writes of earlier epochs are not adopted blindly any more."""

    epoch: int
    identity: str
    version: str = ""


class Pause(Value, frozen=True, tag_field="kind", tag="pause"):
    """Somebody stops the product, or as much of it as `rule`, `namespace` and `target` (`Kind/namespace/name`) name.

    Several stand at once. It ends at `until` (None: never by itself), or when one with the same `id` is `lifted`, which
    ends no other. Lifting with a `rule` also acknowledges the open breakers of that rule. Who says so is the actor.
    """

    id: str
    rule: str = ""
    namespace: str = ""
    target: str = ""
    reason: str = ""
    until: datetime | None = None
    lifted: bool = False


class Source(Value, frozen=True, tag_field="kind", tag="source"):
    """A source of signals or state, or the query of the event's rule, gives answers to go by or ceased to."""

    source: str
    up: bool
    reason: str = ""


class Checkpoint(Value, frozen=True, tag_field="kind", tag="checkpoint"):
    """A part of the state as it was before the first part was appended, so that a start need not read what came before.

    `state` is JSON of `form` (see `core.frozen_state`), `part` counts from 1. The last part names the sequence number
    of the `first`; a checkpoint without one was interrupted and means nothing.
    """

    state: str
    form: str
    part: int = 1
    first: int = 0


class Dropped(Value, frozen=True, tag_field="kind", tag="dropped"):
    """From here on the journal begins after record `until`, whose hash is `hash`: what is older is kept no longer.

    `archive` names the file that it was written to; empty where the settings say that it need not be.
    """

    until: int
    hash: str
    archive: str = ""


Payload: TypeAlias = (
    Signal
    | IncidentOpened
    | Decision
    | Intent
    | Outcome
    | Verification
    | Undo
    | Approval
    | Escalated
    | Notice
    | Diagnosis
    | IncidentClosed
    | RulesChanged
    | Leader
    | Pause
    | Source
    | Checkpoint
    | Dropped
)


class Event(Value, frozen=True):
    """One thing that happened, at an instant of the deciding clock. Empty strings and `None` where it concerns no
    incident, rule or target.
    """

    time: datetime
    data: Payload
    incident: str = ""
    rule: str = ""
    target: Target | None = None
    mode: Mode | None = None
    actor: str = "controller"

    @property
    def kind(self) -> str:
        """The event's kind as the journal names it."""
        return str(self.data.__struct_config__.tag)


class Record(Value, frozen=True):
    """An event in its place in the chain; `hash` covers everything else and `prev` is the predecessor's."""

    seq: int
    event: Event
    prev: str
    hash: str
