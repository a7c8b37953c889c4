"""Helped, or said so: an incident ends for a reason that its own records support, and none is forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from remediator.core.events import (
    Approval,
    Decision,
    Escalated,
    Event,
    IncidentClosed,
    Leader,
    Notice,
    Outcome,
    Record,
    Signal,
    Verification,
)
from remediator.core.kinds import ref_of
from remediator.core.model import CloseReason, Phase, Target
from remediator.core.state import Incident
from remediator.core.workload import facts_of
from remediator.guards.guard import limits_of
from remediator.ports import Delivery, NotFound
from remediator.simulation.faults import FaultKind
from tests.simulate.history import EFFECTIVE, Story, seconds
from tests.simulate.promises.promise import Promise

LOOK = 75.0
"""Seconds that a look may take, and be old, when something is concluded from it."""

GRACE = timedelta(minutes=5)
"""How late anything may be once all faults are over."""

WINDOWS = {
    "cooldown": "cooldown",
    "startup_grace": "startup_grace",
    "budget": "budget",
    "namespace_budget": "namespace_budget",
    "zone_budget": "zone_budget",
    "global_budget": "global_budget",
    "breaker": "breaker",
    "storm": "storm",
    "flapping": "flapping",
}
"""Guards that may hold for as long as they look back; all others are asked again within a minute or so."""

QUEUE = timedelta(minutes=10)
"""Who waits for a place asks again no later than so."""


class Closed(Promise):
    """Promise 11."""

    def on_record(self, record: Record) -> None:
        """Weigh the reason of an end."""
        event, data = record.event, record.event.data
        if isinstance(data, Verification) and data.then == "rest" and event.target is not None:
            self._is_by_hand(event, event.target)
        if not isinstance(data, IncidentClosed):
            return
        story = self.history.stories[event.incident]
        judge = {
            CloseReason.RECOVERED: self._recovered,
            CloseReason.RESOLVED: self._resolved,
            CloseReason.FAILED: self._failed,
            CloseReason.CONTENDED: self._is_told,
            CloseReason.INEFFECTIVE: self._is_told,
            CloseReason.REFUSED: self._refused,
            CloseReason.CANCELLED: self._cancelled,
        }.get(data.reason)
        if judge is not None:
            judge(event, story)

    def _recovered(self, event: Event, story: Story) -> None:
        """After an effect and a healthy verification that held for as long as the rule says, in the real world too."""
        acted = [deed for deed in story.deeds if deed.status in EFFECTIVE]
        self.check("recovered after an action", bool(acted), f"{story.id} recovered without an action")
        last = story.last(Verification)
        healthy = last is not None and last.data.result == "healthy" and last.data.since is not None
        incident = self.history.state.incidents[story.id]
        until = incident.definition.until_of(incident.step)
        if until.for_ > 0 or healthy:
            held = healthy and seconds(event.time - last.data.since) >= until.for_
            self.check("recovered is verified", held, f"{story.id}: last {last and last.data}, wanted {until}")
        self.check("recovered is true", self._is_well(incident), f"{story.id}: {incident.target} is not well")

    def _is_well(self, incident: Incident) -> bool:
        """What the world itself says, unless a look was just made to lie or the answer took its time."""
        world = self.oracle.world
        if self._was_lied_to():
            return True
        try:
            live = world.server.get(ref_of(incident.target))
        except NotFound:
            return self._just_changed(incident)
        facts = facts_of(live, world.clock.now())
        return (facts.healthy and facts.uid == incident.target.uid) or self._just_changed(incident)

    def _just_changed(self, incident: Incident) -> bool:
        """Whether the target changed while the answer of the look was on its way."""
        slow = any(self.oracle.lately(self.oracle.lied_at.get(kind), LOOK) for kind in (FaultKind.SLOW, "slow"))
        since = self.oracle.world.clock.now() - timedelta(seconds=LOOK if slow else 15)
        changed = self.oracle.changed.get(incident.target.key)
        return changed is not None and changed >= since

    def _was_lied_to(self) -> bool:
        """Whether a read was stale while the last look may have been made."""
        return self.oracle.lately(self.oracle.lied_at.get(FaultKind.STALE), LOOK)

    def _resolved(self, event: Event, story: Story) -> None:
        """All signals that ever fired are over, and have been for `keep_firing_for`."""
        gone: dict[str, Event] = {}
        for each in story.events:
            if isinstance(each.data, Signal):
                gone[each.data.fingerprint] = each
        standing = [each for each in gone.values() if each.data.status != "resolved"]
        kept = self.history.state.incidents[story.id].signals
        told = {each.fingerprint for each in kept} & {each.data.fingerprint for each in standing}
        self.check("resolved when all signals are", not told, f"{story.id}: {told}")
        rule = self.history.rules.get(story.rule)
        if rule is not None and not standing:
            rested = seconds(event.time - story.last_signal.time)
            self.check("absence lasts", rested >= rule.when.keep_firing_for, f"{story.id} after {rested} s")

    def _cancelled(self, event: Event, story: Story) -> None:
        """The target is no more, or is another one; the rule is gone; or a person said no."""
        if any(isinstance(each.data, Approval) and each.data.answer == "deny" for each in story.events):
            return
        last = story.last(Verification)
        if last is not None and last.data.then == "rest":  # judged when it was said
            return
        incident = self.history.state.incidents[story.id]
        if self._was_lied_to() or story.rule not in self.history.rules:
            return
        live = self.oracle.world.store.get(incident.target.kind, incident.target.namespace, incident.target.name)
        gone = live is None or live["metadata"]["uid"] != incident.target.uid
        self.check("cancelled when its target is gone", gone or self._just_changed(incident), f"{story.id}")

    def _is_by_hand(self, event: Event, target: Target) -> None:
        """The target rests since somebody took back what was done: the cordon is not as our last write left it, or as a
        step found it that went on under a cordon of somebody else.
        """
        story = self.history.stories[event.incident]
        done = [each for deed in story.deeds for each in deed.effects if each.entry.request.kind == target.kind]
        live = self.oracle.world.store.get(target.kind, target.namespace, target.name)
        relied = any(deed.effects for deed in story.deeds)
        left = bool(done[-1].after["spec"].get("unschedulable")) if done else True
        differs = live is None or bool(live["spec"].get("unschedulable")) is not left
        since = self.oracle.lately(self.oracle.changed.get(target.key), LOOK) or self._was_lied_to()
        self.check("taken back by hand, really", relied and (differs or since), f"{event.incident}: {target}")

    def _failed(self, event: Event, story: Story) -> None:
        failed = any(
            (isinstance(each.data, Verification) and each.data.result == "failed")
            or (isinstance(each.data, Outcome) and each.data.status not in EFFECTIVE)
            for each in story.events
        )
        self.check("failed after a failure", failed, f"{story.id}")
        self._is_told(event, story)

    def _is_told(self, event: Event, story: Story) -> None:
        """Where the ladder ends with a person, what could not be helped was said to one."""
        incident = self.history.state.incidents[story.id]
        if incident.definition.do[-1].action == "escalate" and incident.step == len(incident.definition.do) - 1:
            told = any(isinstance(each.data, Escalated) for each in story.events)
            self.check("helped, or said so", told, f"{story.id}: {incident.detail}")

    def _refused(self, event: Event, story: Story) -> None:
        refused = any(
            (isinstance(each.data, Decision) and each.data.result == "deny") or isinstance(each.data, Escalated)
            for each in story.events
        )
        self.check("refused after a denial", refused, f"{story.id}")


class Told(Promise):
    """A person is told what the journal says, never in observe mode; and told again only under the same key."""

    def __init__(self, oracle: Any) -> None:
        super().__init__(oracle)
        self._told: dict[str, bytes] = {}
        self._leader = ""

    def on_record(self, record: Record) -> None:
        """Who is in charge knows the journal; who was, and has not noticed, may tell once more."""
        if isinstance(record.event.data, Leader):
            self._leader = record.event.data.identity

    def on_telling(self, process: str, delivery: Delivery) -> None:
        """The message is in the journal, and not yet delivered as far as who sends it can know."""
        story = self.history.stories.get(delivery.message.incident)
        said = [event.data for event in story.events if isinstance(event.data, Notice)] if story else []
        status = {each.key: each.status for each in said}.get(delivery.key, "not said")
        open_ = status in ("requested", "undelivered") or (status != "not said" and process != self._leader)
        self.check("told after it is journalled", open_, f"{process}: {delivery.key}: {status}")

    def on_delivered(self, delivery: Delivery) -> None:
        """Whoever sends it, and how often: it is the same message."""
        body = msgspec.json.encode(delivery.message, order="deterministic")
        self.check("one key, one message", self._told.setdefault(delivery.key, body) == body, f"{delivery.key}")


class Stuck(Promise):
    """No incident is forgotten: hours after all was put right, each rests, waits for its instant, or is worked on."""

    def at_end(self) -> None:
        """Look at every open incident."""
        now = self.oracle.now()
        for incident in self.history.state.incidents.values():
            why = self._late(incident, now - GRACE)
            self.check("no incident is stuck", not why, f"{incident.id} {incident.target} {incident.phase}: {why}")

    def _late(self, incident: Incident, due: datetime) -> str:
        """Why something should have happened before `due`; empty where all is in order."""
        if incident.phase in (Phase.ACTING, Phase.UNDOING, Phase.ESCALATING):
            last = self.history.stories[incident.id].events[-1].time
            return "no outcome" if last < due else ""
        if incident.phase is Phase.WORKING:
            return "its step does not end" if incident.progress and incident.progress.until < due else ""
        if incident.phase is Phase.VERIFYING:
            until = incident.definition.until_of(incident.step)
            end = (incident.carried_at or due) + timedelta(seconds=until.within + until.for_)
            return "verification does not end" if end < due and not self._relapses(incident) else ""
        if incident.clears_at is not None and not incident.owes_an_answer:
            return "signals are gone" if incident.clears_at < due else ""
        if incident.phase is not Phase.PENDING:
            return ""
        if incident.said is None:
            return "no decision" if incident.fires_at < due else ""
        return self._unlooked(incident, incident.said, due)

    def _unlooked(self, incident: Incident, said: Decision, due: datetime) -> str:
        """Why the target should have been looked at since the hold that was said last.

        The same answers are not said again, so that the instant in the journal may be long past: where one of them
        waits for a window to pass, as a budget does, that may take as long as the longest of these.
        """
        holding = {verdict.guard for verdict in said.verdicts if verdict.verdict == "hold"}
        patience = max((self._patience(incident, guard) for guard in holding), default=timedelta())
        looked = self.oracle.looked.get(incident.target.key)
        late = said.retry_at is not None and said.retry_at < due and (looked is None or looked < due - patience)
        return f"held until {said.retry_at} by {holding}, last looked at {looked}" if late else ""

    def _patience(self, incident: Incident, guard: str) -> timedelta:
        """For how long a guard may hold without being asked again."""
        if guard not in WINDOWS:
            return QUEUE if guard.endswith("in_flight") else timedelta()
        limits = limits_of(self.history.state.policy, incident.definition)
        limit = getattr(limits, WINDOWS[guard])
        spans = [getattr(limit, name, None) for name in ("per", "within", "open_for", "cooldown")]
        most = max((each for each in spans if each), default=limit if isinstance(limit, float) else 0.0)
        return timedelta(seconds=most) + QUEUE

    def _relapses(self, incident: Incident) -> bool:
        """Whether health came and went, which begins the hold anew."""
        last = incident.verified
        return last is not None and last.result == "healthy"
