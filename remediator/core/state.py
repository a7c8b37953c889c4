"""The state that decisions need, as a fold over the journal: open incidents, locks, cooldowns, budgets, rules.

`State` is persistent (its maps share structure), so that `fold.apply` is pure and cheap.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from immutables import Map
from msgspec import field

from remediator.core.diagnosis import Diagnosis
from remediator.core.events import Decision, Escalated, Intent, Undo, Verification
from remediator.core.masks import mask_of
from remediator.core.memory import Good, Result, Standing, Tide
from remediator.core.message import Deed
from remediator.core.model import CloseReason, Mode, Phase, Target, Value
from remediator.core.post import Correspondence
from remediator.core.progress import Progress
from remediator.core.queue import Queue
from remediator.core.rules import SOURCES, Policy, Rule

MAX_NOTED = 10_000
"""Unusable and unresolved signals that are remembered as said. One more, and all are forgotten and said again."""

MAX_INSTANTS = 64
"""Instants kept of successes (`cured`) and of changes between firing and clear (`turns`), the latest ones."""

MAX_SIGNALS = 64
"""Signals kept in one incident; more of them change nothing that is decided."""


class SeenSignal(Value, frozen=True):
    """One alert that is evidence for an incident; `resolved` once its end was seen.

    `doubt` is why it is not known whether it stands, since `doubted_at`: it is gone, but nobody has measured that.
    """

    fingerprint: str
    labels: dict[str, str]
    starts_at: datetime | None
    resolved: bool = False
    doubt: str = ""
    doubted_at: datetime | None = None


class Incident(Value, frozen=True):
    """One open incident: a rule and an owning target, from the first evidence to the close.

    `since` is the start of continuous evidence, `cleared_at` the instant at which the last signal ended. `tries` counts
    the intents of the present step, `undo_tries` its undos, `serial` all of the incident (it makes their ids).
    `intended_at` is when the intent was reserved, `generation` that of the object as the write left it, `blind` the
    seconds of its verification without evidence, and `blind_since` the beginning of the present ones. `cause` is why
    the ladder went on or the incident rests, and becomes the close reason where nothing helps any more. `value` is the
    latest of its query, which only the shell knows. `progress` is that of a step of several writes.
    `turned_away` counts answers that did not count.
    `deeds` are the last of what was done and refused, `diagnosis` how the target stood before the last of it.
    """

    id: str
    definition: Rule
    target: Target
    opened_at: datetime
    since: datetime
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    phase: Phase = Phase.PENDING
    signals: tuple[SeenSignal, ...] = ()
    cleared_at: datetime | None = None
    step: int = 0
    tries: int = 0
    undo_tries: int = 0
    serial: int = 0
    said: Decision | None = None
    intent: Intent | None = None
    undo: Undo | None = None
    intended_at: datetime | None = None
    carried_at: datetime | None = None
    generation: int = 0
    blind: float = 0.0
    blind_since: datetime | None = None
    verified: Verification | None = None
    escalation: Escalated | None = None
    cause: CloseReason | None = None
    detail: str = ""
    plan: str = ""
    expires_at: datetime | None = None
    approvals: tuple[str, ...] = ()
    approved: str = ""
    turned_away: int = 0
    reverts: int = 0
    zone: str = ""
    value: float | None = None
    progress: Progress | None = None
    deeds: tuple[Deed, ...] = ()
    diagnosis: Diagnosis | None = None

    @property
    def in_hand(self) -> bool:
        """Whether it holds its target: one remediation in flight per target over all rules."""
        return self.phase in (Phase.ACTING, Phase.WORKING, Phase.VERIFYING, Phase.UNDOING)

    @property
    def in_flight(self) -> bool:
        """Whether it takes a place in flight: not while it only waits for the instant at which it gives back."""
        waits = self.phase is Phase.WORKING and self.progress is not None and self.progress.due is not None
        return self.in_hand and not waits

    @property
    def under_way(self) -> bool:
        """Whether it is in a step of several writes that has done one at least, and not the last."""
        return self.progress is not None and bool(self.progress.done) and not self.progress.ended

    @property
    def doubted_at(self) -> datetime | None:
        """Since when it is not known of any of its signals whether it stands; None where of one it is, or none does."""
        standing = [each.doubted_at for each in self.signals if not each.resolved]
        known = [at for at in standing if at is not None]
        return max(known) if known and len(known) == len(standing) else None

    @property
    def owes_an_answer(self) -> bool:
        """Whether a step was tried in vain and the ladder has not come to its end: somebody is still to be told.

        A message that waits for its receiver is durable, and goes out whether the incident is open or not.
        """
        return self.phase not in (Phase.RESTING, Phase.ESCALATING) and self.cause is CloseReason.FAILED

    @property
    def silences_itself(self) -> bool:
        """Whether the end of its signal says nothing, since our own writes may have brought it about: those of a step
        under way, or of one that was tried in vain and masks the signal (`core/masks.py`). One that began to fire after
        the last of them stood against it, and its end is an end.
        """
        if self.under_way:
            return True
        if self.cause is not CloseReason.FAILED or self.carried_at is None or self._began_after(self.carried_at):
            return False
        return any(mask_of(each.action, self.definition.when) for each in self.definition.do[: self.step])

    def _began_after(self, at: datetime) -> bool:
        """Whether a signal began to fire after an instant, by its own word or by ours."""
        return self.since > at or any(each.starts_at is not None and each.starts_at > at for each in self.signals)

    @property
    def fires_at(self) -> datetime:
        """The instant from which the evidence has lasted for the rule's `for`; inclusive."""
        return self.since + timedelta(seconds=self.definition.when.for_)

    @property
    def clears_at(self) -> datetime | None:
        """The instant from which absence has lasted for `keep_firing_for`; inclusive. None while signals fire."""
        if self.cleared_at is None:
            return None
        return self.cleared_at + timedelta(seconds=self.definition.when.keep_firing_for)


class Ended(Value, frozen=True):
    """The last action on a target: when it ended, and whose it was."""

    at: datetime
    incident: str


class Past(Value, frozen=True):
    """What the last closed incident of a rule and target leaves behind; its signals without their labels."""

    incident: str
    closed_at: datetime
    reason: CloseReason
    signals: tuple[SeenSignal, ...] = ()


class State(Value, frozen=True):
    """Everything a decision depends on besides the observation and `now`.

    Keys: incidents by id, `told` (signals of incidents) and `noted` (signals of none) by rule and fingerprint,
    `open` and `pasts` by rule and target, `hands`, `ended` and `good` by target; `spent`, `in_flight` and `queues`
    (incidents that wait, the most urgent first) by scope, `tides` by `tide_keys`, `results` by rule and action, `dark`
    since when nothing is known by `dark_key`, `post` (what people are told) by incident, also of closed ones until all
    of it is delivered; `room` is how many entries each map that is a memory may have before it is looked
    through again.
    Keys of `ended` and `spent` that belong to observe mode begin with `shadow:`, so that a preview is realistic
    and never takes anything from what is enforced.
    """

    epoch: int = 0
    policy: Policy = field(default_factory=Policy)
    rules: Map[str, Rule] = field(default_factory=Map)
    incidents: Map[str, Incident] = field(default_factory=Map)
    open: Map[str, str] = field(default_factory=Map)
    told: Map[str, str] = field(default_factory=Map)
    noted: Map[str, str] = field(default_factory=Map)
    hands: Map[str, str] = field(default_factory=Map)
    ended: Map[str, Ended] = field(default_factory=Map)
    spent: Map[str, tuple[datetime, ...]] = field(default_factory=Map)
    pasts: Map[str, Past] = field(default_factory=Map)
    cured: Map[str, tuple[datetime, ...]] = field(default_factory=Map)
    turns: Map[str, tuple[datetime, ...]] = field(default_factory=Map)
    pauses: Map[str, Standing] = field(default_factory=Map)
    in_flight: Map[str, int] = field(default_factory=Map)
    queues: Map[str, Queue] = field(default_factory=Map)
    tides: Map[str, Tide] = field(default_factory=Map)
    results: Map[str, tuple[Result, ...]] = field(default_factory=Map)
    good: Map[str, tuple[Good, ...]] = field(default_factory=Map)
    dark: Map[str, datetime] = field(default_factory=Map)
    post: Map[str, Correspondence] = field(default_factory=Map)
    room: Map[str, int] = field(default_factory=Map)

    def mode_of(self, rule: Rule, step: int | None = None) -> Mode:
        """The mode in force for a rule, or for one of its steps: the lowest of the settings', the rule's and the
        step's, and of the latter two as the files say them now.

        What is in hand is brought to its end under the rule it was begun with, but never beyond what is allowed now.
        """
        forms = [each for each in (rule, self.rules.get(rule.name)) if each is not None]
        steps = [each.do[step].mode for each in forms if step is not None and step < len(each.do)]
        return Mode.lowest(self.policy.mode, *(each.mode for each in forms), *steps)

    def is_dark(self, incident: Incident) -> bool:
        """Whether it is not known at present if the incident's signals stand."""
        keys = (dark_key(source, incident.definition.name) for source in SOURCES)
        return any(key in self.dark for key in keys) or incident.doubted_at is not None

    def incident_of(self, rule: str, target: Target) -> Incident | None:
        """The open incident of a rule and target, if there is one."""
        found = self.open.get(open_key(rule, target))
        return self.incidents[found] if found else None


def open_key(rule: str, target: Target) -> str:
    """The identity of an incident: rule and owning target, whatever alerts speak of it."""
    return f"{rule}|{target.key}"


def dark_key(source: str, rule: str) -> str:
    """Under which it is remembered that a source, or the query of one rule, gives no answers to go by."""
    return f"{source}|{rule}"


def told_key(rule: str, fingerprint: str) -> str:
    """Under which a signal is remembered as said."""
    return f"{rule}|{fingerprint}"
