"""What really happened in a run, as the journal and the API server's audit tell it: the ground for every judgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from remediator.core.events import (
    Event,
    IncidentClosed,
    Intent,
    Outcome,
    Record,
    RulesChanged,
    Signal,
    Undo,
    Verification,
)
from remediator.core.fold import apply
from remediator.core.model import Json, Mode, OutcomeStatus
from remediator.core.rules import Policy, Rule
from remediator.core.state import State
from remediator.simulation.audit import Entry

EFFECTIVE = (OutcomeStatus.APPLIED, OutcomeStatus.ADOPTED)
IN_VAIN = (OutcomeStatus.CONFLICT, OutcomeStatus.NEVER_DONE)


@dataclass
class Effect:
    """A write that the API server carried out: when by the machines' clock, and the object before and after."""

    at: datetime
    entry: Entry
    before: Json | None
    after: Json


@dataclass
class Deed:
    """One intent or undo of the journal and all that came of it."""

    seq: int
    event: Event
    data: Intent | Undo
    outcome: Event | None = None
    effects: list[Effect] = field(default_factory=list)
    sent: int = 0

    @property
    def begins(self) -> bool:
        """Whether it is the first write of a step."""
        return isinstance(self.data, Intent) and self.data.part <= 1

    @property
    def status(self) -> OutcomeStatus | None:
        """The journalled outcome's status."""
        return self.outcome.data.status if self.outcome and isinstance(self.outcome.data, Outcome) else None


@dataclass
class Story:
    """One incident: its events so far, and whether it holds its target."""

    id: str
    rule: str
    target: str
    events: list[Event] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    in_hand: bool = False
    ended_at: datetime | None = None
    closed: bool = False

    @property
    def last_signal(self) -> Event:
        """The last word on its evidence, said again or not."""
        kinds: dict[str, str] = {}
        latest = self.events[0]
        for event in self.events:
            if isinstance(event.data, Signal) and kinds.get(event.data.fingerprint) != event.data.status:
                kinds[event.data.fingerprint], latest = event.data.status, event
        return latest

    def last(self, kind: type) -> Event | None:
        """The latest event with data of this kind."""
        return next((event for event in reversed(self.events) if isinstance(event.data, kind)), None)


class History:
    """The journal and the audit so far, told apart by incident, intent and target."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.state = State()
        self.policy, self.rules = Policy(), {}
        self.deeds: dict[str, Deed] = {}
        self.stories: dict[str, Story] = {}
        self.open: dict[str, Story] = {}
        self._of_target: dict[str, list[Story]] = {}
        self.incident_seconds = 0.0

    policy: Policy
    rules: dict[str, Rule]

    def tell(self, record: Record) -> None:
        """Take one durable record in."""
        event, data = record.event, record.event.data
        self.records.append(record)
        self.state = apply(self.state, event)
        if isinstance(data, RulesChanged) and not data.error:
            self.policy = data.policy or self.policy
            self.rules |= {rule.name: rule for rule in data.changed}
            self.rules = {name: rule for name, rule in self.rules.items() if name not in data.removed}
        if event.incident:
            self._tell_story(record, event)

    def mode_of(self, rule: str) -> Mode:
        """The lowest mode that settings and rule say."""
        said = self.rules.get(rule)
        return Mode.lowest(self.policy.mode, said.mode if said else None)

    def on_target(self, target: str) -> Sequence[Story]:
        """Stories about a target, oldest first."""
        return self._of_target.get(target, ())

    def _tell_story(self, record: Record, event: Event) -> None:
        story = self.stories.get(event.incident)
        if story is None:
            assert event.target is not None, "an incident is about a target"
            story = self.stories[event.incident] = Story(event.incident, event.rule, event.target.key)
            self.open[story.id] = story
            self._of_target.setdefault(story.target, []).append(story)
        story.events.append(event)
        data = event.data
        if isinstance(data, Intent | Undo):
            deed = Deed(record.seq, event, data)
            self.deeds[data.id] = deed
            story.deeds.append(deed)
            story.in_hand = True
        elif isinstance(data, Outcome):
            self._conclude(story, event, data)
        elif isinstance(data, Verification) and data.then == "verify":
            story.ended_at = event.time
        elif isinstance(data, Verification) and data.result == "failed":
            self._let_go(story, event.time)
        elif isinstance(data, IncidentClosed):
            if story.in_hand:
                self._let_go(story, event.time)
            story.closed = True
            del self.open[story.id]

    def _conclude(self, story: Story, event: Event, data: Outcome) -> None:
        deed = self.deeds[data.intent]
        deed.outcome = event
        if isinstance(deed.data, Intent) and deed.data.part > 1 and data.status not in EFFECTIVE:
            return  # the step goes on, or is given up at the next look
        if data.status is OutcomeStatus.REHEARSED:
            story.in_hand = False
        elif isinstance(deed.data, Undo) or data.status not in EFFECTIVE:
            if data.status in IN_VAIN and not isinstance(deed.data, Undo):
                story.in_hand = False
            else:
                self._let_go(story, event.time, still=isinstance(deed.data, Undo) and data.status in IN_VAIN)
        else:
            story.ended_at = event.time

    def _let_go(self, story: Story, at: datetime, *, still: bool = False) -> None:
        story.in_hand, story.ended_at = still, at


def seconds(span: timedelta) -> float:
    """A span in seconds."""
    return span.total_seconds()
