"""The words of the product as frozen values. Everything that crosses a border between steps is one of these.

Instants are aware UTC datetimes, durations are seconds as float, objects of the cluster are plain JSON.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

Json: TypeAlias = dict[str, Any]


class Value(Struct, frozen=True, omit_defaults=False, forbid_unknown_fields=False, gc=False):
    """Base of all frozen values: trees, so that the garbage collector need not follow them in search of cycles."""


def as_json(value: Any) -> Any:
    """A value as it is read back from the journal: plain JSON."""
    return msgspec.json.decode(msgspec.json.encode(value))


class Mode(enum.StrEnum):
    """How far a rule may go. Ordered `off < observe < approve < enforce`; the lowest of all levels wins."""

    OFF = "off"
    OBSERVE = "observe"
    APPROVE = "approve"
    ENFORCE = "enforce"

    @property
    def rank(self) -> int:
        """Place in the order, 0 for `off`."""
        return _RANKS[self]

    @staticmethod
    def lowest(*modes: Mode | None) -> Mode:
        """The most careful of the given modes; levels that say nothing (`None`) are passed over."""
        lowest: Mode | None = None
        for mode in modes:
            if mode is not None and (lowest is None or _RANKS[mode] < _RANKS[lowest]):
                lowest = mode
        return lowest or Mode.OBSERVE


_RANKS = {mode: rank for rank, mode in enumerate(Mode)}


class Resource(Value, frozen=True, order=True):
    """A type of object as the API server names it: `apps/v1`, `Deployment`, `deployments`."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    def __str__(self) -> str:
        return self.plural or self.kind  # a custom one has no plural until it is asked for


class Ref(Value, frozen=True, order=True):
    """One object's address in the API; `namespace` is empty for cluster-scoped kinds."""

    resource: Resource
    namespace: str
    name: str

    def __str__(self) -> str:
        return "/".join(filter(None, (self.resource.kind, self.namespace, self.name)))


class Target(Value, frozen=True, order=True):
    """What an incident is about: an owning workload or a node. `uid` tells a successor of the same name apart."""

    kind: str
    namespace: str
    name: str
    uid: str = ""

    @property
    def key(self) -> str:
        """`Kind/namespace/name` without the uid: the key of locks and cooldowns."""
        return f"{self.kind}/{self.namespace}/{self.name}"

    @property
    def within(self) -> str:
        """The namespace that it is about: the one it is in, or itself where it is one; empty for all else."""
        return self.name if self.kind == "Namespace" else self.namespace

    def __str__(self) -> str:
        return "/".join(filter(None, (self.kind, self.namespace, self.name)))


class PatchType(enum.StrEnum):
    """The patch formats of the Kubernetes API, by their content type."""

    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    JSON = "application/json-patch+json"


class Verb(enum.StrEnum):
    """What a change asks the API server to do; `call` asks an outside system instead."""

    PATCH = "patch"
    CREATE = "create"
    DELETE = "delete"
    EVICT = "evict"
    CALL = "call"


class Precondition(Value, frozen=True):
    """The object a change was planned for. A write that meets another uid or resourceVersion must fail (409 or 422).

    Carried inside `metadata` of a merge or strategic patch, and in the options of a delete or eviction.
    """

    uid: str
    resource_version: str


class Change(Value, frozen=True, rename={"ref": "resource", "body": "patch"}):
    """One exact write: verb, address, body and precondition. Planned by an action, carried out by the executor.

    `prior` holds what the change takes away, enough to undo it; the intent carries it in the journal.
    """

    verb: Verb
    ref: Ref
    body: Json | list[Json]
    precondition: Precondition
    patch_type: PatchType = PatchType.MERGE
    prior: Json = {}
    summary: str = ""


class Refusal(Value, frozen=True):
    """An action's answer where no change is possible or wise; the ladder goes on to its next rung.

    `contended` is that of an undo where somebody else has changed since what it would give back: a person is told.
    """

    reason: str
    remedy: str = ""
    contended: bool = False


class Verdict(Value, frozen=True):
    """One guard's answer: `allow`, `hold` until `retry_at`, or `deny`; with the inputs it saw, as plain JSON."""

    guard: str
    verdict: str
    reason: str = ""
    retry_at: datetime | None = None
    inputs: Json = {}

    @property
    def allows(self) -> bool:
        """True for `allow` alone."""
        return self.verdict == "allow"


def allow(guard: str, reason: str = "", **inputs: Any) -> Verdict:
    """The guard has no objection."""
    return Verdict(guard, "allow", reason, None, _seen(inputs))


def hold(guard: str, reason: str, retry_at: datetime, **inputs: Any) -> Verdict:
    """Not now: ask again at `retry_at`."""
    return Verdict(guard, "hold", reason, retry_at, _seen(inputs))


def deny(guard: str, reason: str, **inputs: Any) -> Verdict:
    """Not at all: this step is over for this incident."""
    return Verdict(guard, "deny", reason, None, _seen(inputs))


def _seen(inputs: Json) -> Json:
    """What a guard saw as plain JSON; most of it is."""
    return inputs if not inputs or _PLAIN.issuperset(map(type, inputs.values())) else as_json(inputs)


_PLAIN = frozenset((str, int, bool, type(None)))


class Phase(enum.StrEnum):
    """Where an open incident stands."""

    PENDING = "pending"  # evidence is there; `for` may still run; a decision is due
    ACTING = "acting"  # an intent is durable, its outcome is not
    WORKING = "working"  # a step of several writes is under way, and none of them in flight
    AWAITING = "awaiting_approval"  # a plan was shown and waits for a person's word
    VERIFYING = "verifying"  # the step was carried out; is the target healthy?
    UNDOING = "undoing"  # an undo intent is durable, its outcome is not
    ESCALATING = "escalating"  # a person is being told
    RESTING = "resting"  # nothing more to do until the signals clear: observed, refused, escalated
    CLOSED = "closed"


class CloseReason(enum.StrEnum):
    """Why an incident ended."""

    RECOVERED = "recovered"  # verified after an action of ours
    RESOLVED = "resolved"  # signals cleared without an action of ours
    FAILED = "failed"  # the ladder did not help
    INEFFECTIVE = "ineffective"  # came back too often after success
    CONTENDED = "contended"  # somebody else reverts our change
    CANCELLED = "cancelled"  # a person, or the end of its rule
    EXPIRED = "expired"  # an approval or the incident ran out of time
    REFUSED = "refused"  # no step was allowed


class OutcomeStatus(enum.StrEnum):
    """What became of an intent."""

    APPLIED = "applied"  # the API server answered 2xx
    ADOPTED = "adopted"  # found done after a crash or time-out: its id is there, or what was to go is gone
    REHEARSED = "rehearsed"  # observe mode: server-side dry run accepted
    NEVER_DONE = "never_done"  # fenced off: the write did not happen and cannot happen any more
    CONFLICT = "conflict"  # 409 or a failed precondition: plan again
    GONE = "gone"  # 404: the target is no more
    REFUSED = "refused"  # 403, 422: the API server will not have it
    FAILED = "failed"  # deadline passed over 429, 5xx and transport errors; nothing was done
