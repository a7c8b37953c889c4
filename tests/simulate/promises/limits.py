"""Budgets and cooldowns, counted anew from intents that took effect, whatever crashed in between."""

from __future__ import annotations

from datetime import timedelta

from remediator.core.events import Event, Intent, Record
from remediator.core.model import Mode
from remediator.core.rules import Budget
from tests.simulate.history import IN_VAIN, Effect, History
from tests.simulate.promises.promise import Promise
from tests.simulate.promises.writes import mark_of


class Budgets(Promise):
    """At most `max` actions of a rule begin within `per` seconds."""

    def on_record(self, record: Record) -> None:
        """At an intent: those of the same kind (written or only rehearsed) within the window, this one included."""
        event = record.event
        if not isinstance(event.data, Intent):
            return
        budget, used = self.limit(event.rule), self.used(event)
        self.check(
            "budget", used < budget.max, f"{event.rule}: {used + 1} within {budget.per:g} s, {budget.max} may be"
        )

    def limit(self, rule: str) -> Budget:
        """The stricter of what settings and rule say, else 3 per hour."""
        found = self.history.rules.get(rule)
        said = [self.history.policy.guards.budget, found.guards.budget if found else None]
        given = [each for each in said if each is not None]
        return min(given, key=lambda budget: (budget.max, -budget.per)) if given else Budget(3, 3600.0)

    def used(self, event: Event) -> int:
        """Intents of the same rule and kind within the window before this one that did not come to nothing."""
        window = timedelta(seconds=self.limit(event.rule).per)
        return sum(
            event.time - deed.event.time < window
            for deed in self.history.deeds.values()
            if isinstance(deed.data, Intent)
            and deed.event.rule == event.rule
            and (deed.event.mode is Mode.OBSERVE) is (event.mode is Mode.OBSERVE)
            and deed.status not in IN_VAIN
        )


class Cooldowns(Promise):
    """A target rests between the actions of different incidents, counted from the end of the last one."""

    def on_record(self, record: Record) -> None:
        """At an intent: no other incident ended an action on this target less than the cooldown ago."""
        event = record.event
        if not isinstance(event.data, Intent) or event.target is None or event.mode is Mode.OBSERVE:
            return
        cooldown = timedelta(seconds=cooldown_of(self.history, event.rule))
        for story in self.history.on_target(event.target.key):
            if story.id == event.incident or story.ended_at is None:
                continue
            rested = event.time - story.ended_at
            self.check("cooldown", rested >= cooldown, f"{event.target}: {rested} after {story.id}, {cooldown} wanted")

    def on_effect(self, effect: Effect) -> None:
        """From the audit alone: two incidents' writes to one object are further apart than the cooldown.

        Clocks that jump forward shorten it; those that are set back only prolong it.
        """
        id_, _ = mark_of(effect.entry.request.body)
        deed = self.history.deeds.get(id_)
        if deed is None or not isinstance(deed.data, Intent) or deed.event.target is None:
            return
        cooldown = timedelta(seconds=cooldown_of(self.history, deed.event.rule))
        for story in self.history.on_target(deed.event.target.key):
            if story.id == deed.event.incident:
                continue
            for other in story.deeds:
                for before in other.effects:
                    apart = effect.entry.at - before.entry.at + self.oracle.jumped(before.entry.at, effect.entry.at)
                    self.check("cooldown in the audit", apart >= cooldown, f"{id_} {apart} after {other.data.id}")


def cooldown_of(history: History, rule: str) -> float:
    """The longer of what settings and rule say, else half an hour."""
    said = [history.policy.guards.cooldown, history.rules[rule].guards.cooldown if rule in history.rules else None]
    given = [each for each in said if each is not None]
    return max(given) if given else 1800.0
