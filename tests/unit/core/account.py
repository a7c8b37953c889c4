"""A second account of a history, kept from its events alone: what a promise is checked against, event by event."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from remediator.core.events import Decision, Event, Intent, Outcome, Undo, Verification
from remediator.core.model import CloseReason, Mode, OutcomeStatus
from remediator.core.observations import Looked, Observation
from remediator.core.state import State
from remediator.guards import GUARDS
from remediator.guards.guard import limits_of

IN_VAIN = (OutcomeStatus.CONFLICT, OutcomeStatus.NEVER_DONE)
"""Outcomes of writes that had no effect and are planned again."""

DONE = (OutcomeStatus.APPLIED, OutcomeStatus.ADOPTED)


class Account:
    """What was said so far. Each `check_` is a promise about one more event; `note` adds the event."""

    def __init__(self) -> None:
        self.lives: dict[str, str] = {}
        self.writes: dict[str, Event] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.began: dict[tuple[str, bool], dict[str, datetime]] = defaultdict(dict)
        self.last_end: dict[tuple[str, bool], Event] = {}

    def check(self, event: Event, together: tuple[Event, ...], seen: Observation, state: State) -> None:
        """All promises that concern this event, before it is folded into the state."""
        self.check_life(event)
        if isinstance(event.data, Intent | Undo):
            self.check_write(event, event.data, seen, state)
        if isinstance(event.data, Intent):
            self.check_verdicts(event, together)
            self.check_budget(event, state)
            self.check_cooldown(event, state)
        if isinstance(event.data, Undo):
            self.check_undo(event, event.data)
        if isinstance(event.data, Outcome):
            self.check_outcome(event.data)

    def check_life(self, event: Event) -> None:
        """An incident is opened once and before all else, and nothing is said of it after its end."""
        if event.incident:
            expected = None if event.kind == "incident_opened" else "open"
            assert self.lives.get(event.incident) == expected, event.kind

    def check_write(self, event: Event, data: Intent | Undo, seen: Observation, state: State) -> None:
        """No write without fresh evidence, a rehearsal, a free hand, an id of its own and the object that was seen."""
        assert isinstance(seen, Looked), "only a look leads to a write"
        assert not seen.snapshot.facts.unknown, "unknown never acts"
        assert seen.rehearsal is not None
        assert seen.rehearsal.status == "accepted"
        assert data.id not in self.writes, "an id is used once"
        assert event.target is not None
        assert data.change.precondition.uid == event.target.uid
        assert data.epoch == state.epoch
        assert state.hands.get(event.target.key) in (None, event.incident), "one target, one hand"

    def check_verdicts(self, event: Event, together: tuple[Event, ...]) -> None:
        """An intent stands behind its decision, in which every guard was asked and every answer allows."""
        decision = together[0].data
        assert isinstance(decision, Decision)
        assert together[0].incident == event.incident
        assert event.mode in (Mode.ENFORCE, Mode.APPROVE, Mode.OBSERVE)
        assert decision.result == ("observe" if event.mode is Mode.OBSERVE else "act")
        assert [each.guard for each in decision.verdicts] == [*(guard.name for guard in GUARDS), "plan", "rehearsal"]
        assert all(each.allows for each in decision.verdicts)

    def check_budget(self, event: Event, state: State) -> None:
        """In the window that ends now there is room for one more."""
        budget = limits_of(state.policy, state.rules[event.rule]).budget
        window = timedelta(seconds=budget.per)
        recent = [at for at in self.began[event.rule, is_rehearsed(event)].values() if event.time - at < window]
        assert len(recent) < budget.max

    def check_cooldown(self, event: Event, state: State) -> None:
        """The last action on the target was this incident's own, or ended long enough ago."""
        assert event.target is not None
        last = self.last_end.get((event.target.key, is_rehearsed(event)))
        if last is not None and last.incident != event.incident:
            cooldown = limits_of(state.policy, state.rules[event.rule]).cooldown
            assert event.time - last.time >= timedelta(seconds=cooldown)

    def check_undo(self, event: Event, data: Undo) -> None:
        """Only what was done is undone, once, and under a mode that writes."""
        assert event.mode in (Mode.ENFORCE, Mode.APPROVE)
        assert self.outcomes[data.of].status in DONE
        undone = [
            write.data.of for write in self.writes.values() if isinstance(write.data, Undo) and self.is_done(write)
        ]
        assert data.of not in undone

    def check_outcome(self, data: Outcome) -> None:
        """Every outcome is that of a write before it, and the only one."""
        assert data.intent in self.writes
        assert data.intent not in self.outcomes

    def is_done(self, write: Event) -> bool:
        """Whether a write is known to have had its effect."""
        assert isinstance(write.data, Intent | Undo)
        return write.data.id in self.outcomes and self.outcomes[write.data.id].status in DONE

    def note(self, event: Event) -> None:
        """One more event was said."""
        data = event.data
        if event.incident:
            self.lives[event.incident] = "closed" if event.kind == "incident_closed" else "open"
        if isinstance(data, Intent | Undo):
            self.writes[data.id] = event
        if isinstance(data, Intent):
            self.began[event.rule, is_rehearsed(event)][data.id] = event.time
        if isinstance(data, Outcome):
            self.outcomes[data.intent] = data
            if data.status in IN_VAIN:
                self.began[event.rule, False].pop(data.intent, None)
        for rehearsed in (True, False):
            if event.target is not None and ends_action(event, rehearsed):
                self.last_end[event.target.key, rehearsed] = event


def is_rehearsed(event: Event) -> bool:
    """Whether an intent is only rehearsed: it then spends what is its own."""
    return event.mode is Mode.OBSERVE


def ends_action(event: Event, rehearsed: bool) -> bool:
    """Whether the event ends a write (or a rehearsal) and begins the target's rest from writes (or rehearsals)."""
    data = event.data
    if rehearsed:
        return isinstance(data, Outcome) and data.status is OutcomeStatus.REHEARSED
    if isinstance(data, Outcome):
        return data.status not in (*IN_VAIN, OutcomeStatus.REHEARSED)
    if isinstance(data, Verification):
        return data.result == "failed"
    return event.kind == "incident_closed" and data.reason is CloseReason.RECOVERED
