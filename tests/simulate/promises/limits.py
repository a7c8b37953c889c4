"""Budgets, places in flight and cooldowns, counted anew from the journal and the audit, whatever crashed in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from remediator.core.events import Decision, Event, Intent, Record
from remediator.core.guarding import Budget
from remediator.core.model import Mode
from tests.simulate.history import IN_VAIN, Deed, Effect, History, seconds
from tests.simulate.promises.promise import Promise
from tests.simulate.promises.writes import mark_of

SCOPES = {"budget": "rule", "namespace_budget": "namespace", "global_budget": "global"}


def said(history: History, rule: str, name: str) -> list[Any]:
    """What settings and rule say of a guard."""
    found = history.rules.get(rule)
    levels = [history.policy.guards, found.guards] if found else [history.policy.guards]
    return [value for level in levels if (value := getattr(level, name)) is not None]


def cooldown_of(history: History, rule: str) -> float:
    """The longer of what settings and rule say, else half an hour."""
    return max(said(history, rule, "cooldown"), default=1800.0)


def spent(history: History, event: Event, scope: str, per: float, *, shadow: bool) -> int:
    """Intents of the same scope, within so many seconds before an event, that did not come to nothing."""

    def counts(deed: Deed) -> bool:
        other = deed.event
        same = {"rule": other.rule == event.rule, "global": True}.get(scope)
        if same is None:
            same = bool(event.target and other.target and other.target.namespace == event.target.namespace)
        return same and (other.mode is Mode.OBSERVE) is shadow and deed.status not in IN_VAIN

    deeds = (deed for deed in history.deeds.values() if deed.begins)
    return sum(seconds(event.time - deed.event.time) < per and counts(deed) for deed in deeds)


class Budgets(Promise):
    """At most `max` actions of a rule, in a namespace and in all within `per` seconds; and no hold for fewer."""

    def on_record(self, record: Record) -> None:
        """At an intent nothing is overspent; in a decision what it says of budgets is so."""
        event = record.event
        if isinstance(event.data, Intent) and event.data.part <= 1:
            for name, budget in self._limits(event.rule):
                if name == "namespace_budget" and not (event.target and event.target.namespace):
                    continue  # a node is in no namespace
                used = spent(self.history, event, SCOPES[name], budget.per, shadow=event.mode is Mode.OBSERVE)
                self.check("budget", used < budget.max, f"{name} of {event.rule}: {used + 1} within {budget.per:g} s")
        if isinstance(event.data, Decision):
            for verdict in event.data.verdicts:
                if verdict.guard in SCOPES and "used" in verdict.inputs:
                    self._recount(event, verdict.guard, verdict.inputs)

    def _limits(self, rule: str) -> Iterator[tuple[str, Budget]]:
        """The strictest of each kind that settings and rule say; without a word, 3 per hour for a rule."""
        for name in SCOPES:
            given = said(self.history, rule, name) or ([Budget(3, 3600.0)] if name == "budget" else [])
            if given:
                yield name, min(given, key=lambda budget: (budget.max, -budget.per))

    def _recount(self, event: Event, guard: str, inputs: dict[str, Any]) -> None:
        shadow = self.history.mode_of(event.rule) is Mode.OBSERVE
        used = spent(self.history, event, SCOPES[guard], inputs["per"], shadow=shadow)
        self.check("budget counted right", used == inputs["used"], f"{event.rule}: {guard} says {inputs}, it is {used}")


class InFlight(Promise):
    """At most so many remediations in flight, of a rule and in all."""

    def on_record(self, record: Record) -> None:
        """At an intent to write there is a place for it."""
        event = record.event
        if not isinstance(event.data, Intent) or event.data.part > 1 or event.mode is Mode.OBSERVE:
            return
        others = [story for story in self.history.open.values() if story.in_hand and story.id != event.incident]
        for name, usual, flying in (
            ("max_in_flight", 1, [story for story in others if story.rule == event.rule]),
            ("global_max_in_flight", 5, others),
        ):
            most = min(said(self.history, event.rule, name), default=usual)
            self.check("places in flight", len(flying) < most, f"{name}: {len(flying) + 1} of {most}")


class Cooldowns(Promise):
    """A target rests between the actions of different incidents, counted from the end of the last one."""

    def on_record(self, record: Record) -> None:
        """At an intent: no other incident ended an action on this target less than the cooldown ago."""
        event = record.event
        if isinstance(event.data, Decision):
            for verdict in event.data.verdicts:
                if verdict.guard == "cooldown" and verdict.verdict == "hold":
                    self._is_after_an_action(event, verdict.inputs)
        if not isinstance(event.data, Intent) or event.target is None or event.mode is Mode.OBSERVE:
            return
        cooldown = timedelta(seconds=cooldown_of(self.history, event.rule))
        for story in self.history.on_target(event.target.key):
            if story.id == event.incident or story.ended_at is None:
                continue
            rested = event.time - story.ended_at
            self.check("cooldown", rested >= cooldown, f"{event.target}: {rested} after {story.id}, {cooldown} wanted")

    def _is_after_an_action(self, event: Event, inputs: dict[str, Any]) -> None:
        """Observed actions make nothing wait that is enforced, and the other way round."""
        other = self.history.stories.get(inputs["by_incident"])
        shadow = self.history.mode_of(event.rule) is Mode.OBSERVE
        wrote = other is not None and any((deed.event.mode is Mode.OBSERVE) is shadow for deed in other.deeds)
        self.check("cooldown after an action", wrote, f"{event.rule} rests after {inputs}")

    def on_effect(self, effect: Effect) -> None:
        """From the audit alone: two incidents' writes to one object are further apart than the cooldown.

        Clocks that jump forward shorten it; those that are set back only prolong it.
        """
        deed = self.history.deeds.get(mark_of(effect.entry.request.body)[0])
        if deed is None or not isinstance(deed.data, Intent) or deed.event.target is None:
            return
        cooldown = timedelta(seconds=cooldown_of(self.history, deed.event.rule))
        for story in self.history.on_target(deed.event.target.key):
            for other in story.deeds if story.id != deed.event.incident else ():
                for before in other.effects:
                    apart = effect.entry.at - before.entry.at + self.oracle.jumped(before.entry.at, effect.entry.at)
                    what = f"{deed.data.id} {apart} after {other.data.id}"
                    self.check("cooldown in the audit", apart >= cooldown, what)
