"""What was read of the live cluster for one incident at one instant.

`Facts` are small, journalled with the decision and all that guards see, so that a decision can be repeated from
the journal. The raw objects are for planning a change and for conditions.
"""

from __future__ import annotations

from datetime import datetime

from remediator.core.histories import Revision
from remediator.core.model import Json, Resource, Value
from remediator.core.surroundings import Surroundings


class Answer(Value, frozen=True):
    """What a condition of the rule said: `holds` is None where that is unknown, with the reason."""

    condition: str
    holds: bool | None
    reason: str = ""


class PodFacts(Value, frozen=True):
    """One pod of the target; `reason` is why it is not running well, `exit_code` the last one of any container."""

    name: str
    phase: str = ""
    ready: bool = False
    restarts: int = 0
    reason: str = ""
    exit_code: int | None = None
    node: str = ""
    created_at: datetime | None = None
    images: tuple[str, ...] = ()


class Facts(Value, frozen=True):
    """The target as guards and verification see it. Counts are pods; `revision` 0 where the kind has none.

    `taken_at` is the instant before the first read, `took` the seconds until the look was at its end. `observed` is the
    generation that the object's controller has acted on, None for kinds that do not say.

    `unknown` says why the look failed; everything else is then meaningless and nothing may be done. `more_labels`
    says that the object has labels beyond those kept here. `takes_away` are the ready pods that a roll-out would take
    away before their successors are ready. `exclude` is the annotation `remediator.io/exclude`, None where there is
    none; `reconcilers` are the tools that keep the object as it stands elsewhere (Argo CD, Flux, Helm). `kept` is
    whether the change that is being verified still stands, None where that is not asked. `answers` are those of the
    rule's conditions, `proofs` those of what proves the step under verification beside readiness.
    """

    taken_at: datetime
    unknown: str = ""
    exists: bool = False
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    observed: int | None = None
    desired: int = 0
    ready: int = 0
    available: int = 0
    updated: int = 0
    revision: int = 0
    healthy: bool = False
    health: str = ""
    rolling_out: bool = False
    stuck: bool = False
    paused: bool = False
    deleting: bool = False
    labels: dict[str, str] = {}
    more_labels: bool = False
    created_at: datetime | None = None
    takes_away: int = 0
    control_plane: bool = False
    zone: str = ""
    exclude: str | None = None
    reconcilers: tuple[str, ...] = ()
    kept: bool | None = None
    answers: tuple[Answer, ...] = ()
    proofs: tuple[Answer, ...] = ()
    around: Surroundings = Surroundings()
    took: float = 0.0


class Listing(Value, frozen=True):
    """Objects that an action plans on: all of a type in one namespace (empty: in all) that match a label selector and
    a field selector (`spec.nodeName=n1`).
    """

    resource: Resource
    namespace: str = ""
    selector: str = ""
    fields: str = ""


class Snapshot(Value, frozen=True):
    """Facts and what is behind them: the raw target, its roll-out history (the newest last), its pods.

    `lists` are the objects that the step's action asked for, by kind. `held` are those that the API server will not let
    go at present, by uid, with its reason: a dry run answered 429.
    """

    facts: Facts
    live: Json = {}
    revisions: tuple[Revision, ...] = ()
    pods: tuple[PodFacts, ...] = ()
    lists: dict[str, tuple[Json, ...]] = {}
    held: dict[str, str] = {}


class Rehearsal(Value, frozen=True):
    """The API server's answer to a dry run of `change`: `accepted`, `conflict`, `refused`, `throttled` or `unknown`."""

    change_digest: str
    status: str
    diff: str = ""
    detail: str = ""
