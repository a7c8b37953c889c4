"""What the shell tells the core: one frozen value for each thing that can be seen."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from remediator.core.diagnosis import Diagnosis
from remediator.core.events import Pause
from remediator.core.model import OutcomeStatus, Target, Value
from remediator.core.rules import Policy, Rule
from remediator.core.snapshot import Rehearsal, Snapshot


class Sighting(Value, frozen=True):
    """One alert, or one series of a query, seen for one rule, with its target where that could be resolved.

    `status` is firing, resolved, doubted (gone, and nobody has measured that) or skipped (unusable), the latter two
    with the `reason`; `zone` is that of a node, `value` that of the series.
    """

    source: str
    status: str
    rule: str = ""
    fingerprint: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    starts_at: datetime | None = None
    target: Target | None = None
    reason: str = ""
    received_at: datetime | None = None
    zone: str = ""
    value: float | None = None
    ends_at: datetime | None = None


class Arrived(Value, frozen=True):
    """Sightings of one or more payloads."""

    sightings: tuple[Sighting, ...]


class Light(Value, frozen=True):
    """Whether a source, or the query of one rule, gives answers to go by; `reason` where it does not."""

    up: bool
    rule: str = ""
    reason: str = ""


class Asked(Value, frozen=True):
    """A source was asked: what it showed, and what it does not show or shows again."""

    source: str
    lights: tuple[Light, ...] = ()
    sightings: tuple[Sighting, ...] = ()


class Looked(Value, frozen=True):
    """An incident's target was read live, and the change it suggests was rehearsed where there is one.

    There is a `diagnosis` where something is about to be done or told.
    """

    incident: str
    snapshot: Snapshot
    rehearsal: Rehearsal | None = None
    diagnosis: Diagnosis | None = None


class Carried(Value, frozen=True):
    """An intent or undo was carried out, or found to be, or found not to be."""

    incident: str
    intent: str
    status: OutcomeStatus
    detail: str = ""
    resource_version: str = ""
    generation: int = 0


class Told(Value, frozen=True):
    """A message was tried at one endpoint of a receiver; `problem` is empty where it was taken, and `thread` is then
    what the endpoint calls the conversation.
    """

    incident: str
    key: str
    receiver: str
    endpoint: str = ""
    problem: str = ""
    thread: str = ""


class Answered(Value, frozen=True):
    """Somebody approves or denies a plan; `by` is the operator's name, `plan` the one that was shown.

    `objection` is why it does not count whatever waits: they may not.
    """

    incident: str
    plan: str
    approve: bool
    by: str
    reason: str = ""
    objection: str = ""


class Paused(Value, frozen=True):
    """Somebody pauses or resumes; `by` is the operator's name. A pause without an id gets one; a resume without an id
    lifts every pause of exactly its scope.
    """

    pause: Pause
    by: str


class Ticked(Value, frozen=True):
    """A timer of an incident is due; nothing was read."""

    incident: str


class Reloaded(Value, frozen=True):
    """The rule files were read: the whole set as it is now, or the error that kept the last good one."""

    policy: Policy
    rules: tuple[Rule, ...] = ()
    error: str = ""


class Elected(Value, frozen=True):
    """This process took office."""

    identity: str
    version: str = ""


Observation: TypeAlias = Arrived | Asked | Looked | Carried | Told | Answered | Paused | Ticked | Reloaded | Elected
