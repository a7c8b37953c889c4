"""What people say holds: an approval is for one plan, an opt-out for as long as it stands."""

from __future__ import annotations

from typing import Any

from remediator.core.events import Approval, Decision, Event, Intent, Pause, Record
from remediator.core.model import Mode
from remediator.executor import FENCE
from remediator.propose import plan_mark
from tests.simulate.history import Effect, Story
from tests.simulate.promises.limits import said
from tests.simulate.promises.promise import Promise
from tests.simulate.promises.writes import mark_of


class Approved(Promise):
    """In mode `approve` a plan is carried out that enough people have approved, that very plan, and in time."""

    def on_record(self, record: Record) -> None:
        """Look at intents, and at what is said of plans."""
        event, data = record.event, record.event.data
        if isinstance(data, Intent) and data.part <= 1 and event.mode is Mode.APPROVE:
            story = self.history.stories[event.incident]
            words = [each.data for each in story.events if isinstance(each.data, Approval)]
            enough = {word.plan for word in words if word.answer == "approve" and word.enough}
            mark = plan_mark(data.change)
            self.check("approved before it is done", mark in enough, f"{data.id} is plan {mark}, approved: {enough}")
            self._are_enough(event, story, mark)
        if isinstance(data, Intent) and data.part > 1 and event.mode is Mode.APPROVE:
            words = [each.data for each in self.history.stories[event.incident].events]
            approved = any(isinstance(word, Approval) and word.answer == "approve" and word.enough for word in words)
            self.check("a step is approved as a whole", approved, f"{data.id}")
        if isinstance(data, Approval) and data.answer in ("approve", "deny"):
            self._is_asked_for(record, data)

    def _are_enough(self, event: Event, story: Story, mark: str) -> None:
        """As many different people as settings and rule say have approved it, and nobody has denied it, since it was
        asked for last.
        """
        quorum = max((each.quorum or 1 for each in said(self.history, event.rule, "approval")), default=1)
        asked = [
            place
            for place, each in enumerate(story.events)
            if isinstance(each.data, Decision) and each.data.result == "await_approval" and each.data.plan == mark
        ]
        words = [each for each in story.events[asked[-1] if asked else len(story.events) :] if _is_about(each, mark)]
        people = {each.actor for each in words if each.data.answer == "approve"}
        denied = [each.actor for each in words if each.data.answer == "deny"]
        fits = len(people) >= quorum and not denied
        self.check("as many approve as are wanted", fits, f"{event.incident}: {people} of {quorum}, against: {denied}")

    def _is_asked_for(self, record: Record, data: Approval) -> None:
        """A word counts for the plan that waits, before its time is over, and once."""
        event, story = record.event, self.history.stories[record.event.incident]
        asked = story.last(Decision)
        waits = asked is not None and asked.data.result == "await_approval" and asked.data.plan == data.plan
        self.check("an answer is to the plan that waits", waits, f"{data} but {asked and asked.data.result}")
        if asked is None or not waits:
            return
        in_time = asked.data.retry_at is not None and event.time < asked.data.retry_at
        self.check("an answer is in time", in_time, f"{event.time} after {asked.data.retry_at}")
        since = story.events[story.events.index(asked) + 1 :]
        before = [each for each in since if isinstance(each.data, Approval) and each.data.answer != "refused"]
        final = [each for each in before if each.data.answer != "approve" or each.data.enough]
        self.check("the first answer wins", not final, f"{data} after {[each.data for each in final]}")
        again = data.answer == "approve" and event.actor in {each.actor for each in before}
        self.check("nobody approves twice", not again, f"{event.actor}")


def _is_about(event: Event, plan: str) -> bool:
    """Whether it is a word of somebody on a plan."""
    return isinstance(event.data, Approval) and event.data.plan == plan


class OptedOut(Promise):
    """What is opted out is not touched."""

    def on_effect(self, effect: Effect) -> None:
        """Anything but a clear `false` counts as opted out; it may be touched to fence off an earlier intent."""
        if mark_of(effect.entry.request.body)[1] == FENCE:
            return
        annotations = (effect.before or {}).get("metadata", {}).get("annotations") or {}
        word = annotations.get("remediator.io/exclude")
        self.check("never what is opted out", word in (None, "false"), f"{effect.entry.request.name}: {word}")


class Halted(Promise):
    """While a pause stands that concerns it, nothing new is begun."""

    def on_record(self, record: Record) -> None:
        """At an intent: no pause of the journal stands for its rule, namespace and target."""
        event, data = record.event, record.event.data
        if isinstance(data, Pause):
            self._note(data)
        if not isinstance(data, Intent) or event.target is None:
            return
        for pause in self._standing.values():
            concerns = (
                pause.rule in ("", event.rule)
                and pause.namespace in ("", event.target.namespace)
                and pause.target in ("", event.target.key, str(event.target))
            )
            over = pause.until is not None and event.time >= pause.until
            self.check("nothing is begun in a pause", over or not concerns, f"{data.id} in spite of {pause}")

    def __init__(self, oracle: Any) -> None:
        super().__init__(oracle)
        self._standing: dict[str, Pause] = {}

    def _note(self, pause: Pause) -> None:
        self._standing.pop(pause.id, None)
        if not pause.lifted:
            self._standing[pause.id] = pause
