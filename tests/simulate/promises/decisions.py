"""Every guard is asked and every answer kept; nothing is done on what is unknown; and nothing is said twice."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from remediator.core.events import Decision, Event, IncidentClosed, Intent, Outcome, Record, Signal, Verification
from remediator.core.masks import mask_of
from remediator.core.model import CloseReason, OutcomeStatus
from remediator.core.rules import Rule
from remediator.guards import GUARDS
from remediator.simulation.audit import Entry
from tests.simulate.history import Story, seconds
from tests.simulate.promises.limits import cooldown_of
from tests.simulate.promises.promise import Promise
from tests.simulate.promises.writes import mark_of

OLD = 80.0
"""Seconds: a look takes at most sixty and is used within ten; the record takes its time to the disk."""

GUARD_NAMES = {guard.name for guard in GUARDS}


class AllAsked(Promise):
    """Promise 2: all verdicts stand in every decision, and what is acted on was allowed by all of them."""

    def on_record(self, record: Record) -> None:
        """Look at a decision."""
        data = record.event.data
        if not isinstance(data, Decision) or data.action == "escalate":
            return
        asked = [verdict.guard for verdict in data.verdicts]
        complete = set(asked) >= GUARD_NAMES and len(asked) == len(set(asked))
        self.check("every guard is asked", complete, f"{record.seq}: only {asked}")
        answers = {verdict.verdict for verdict in data.verdicts}
        wanted = {"act": {"allow"}, "observe": {"allow"}, "await_approval": {"allow"}}.get(data.result)
        if wanted is not None:
            self.check("only what all allow is done", answers == wanted, f"{record.seq}: {data.result} with {answers}")
            self.check("rehearsed before it is done", "rehearsal" in asked, f"{record.seq}: {asked}")
        elif data.result in ("hold", "deny"):
            self.check(
                "a refusal has its reason", data.result in answers, f"{record.seq}: {data.result} with {answers}"
            )


class Fresh(Promise):
    """Promise 1: an act stands on a look that knew everything, at an object that was really read; and was rehearsed."""

    def __init__(self, oracle: Any) -> None:
        super().__init__(oracle)
        self._decided: dict[str, Event] = {}
        self._rehearsed: dict[str, None] = {}

    def on_refused(self, entry: Entry) -> None:
        """Note what the API server accepted in a dry run."""
        if entry.request.dry_run and entry.code < 300:
            self._rehearsed[mark_of(entry.request.body)[0]] = None

    def on_record(self, record: Record) -> None:
        """At an intent: the decision just before it, and what it saw."""
        event, data = record.event, record.event.data
        if isinstance(data, Decision):
            self._decided[event.incident] = event
        if event.kind in ("intent", "undo"):
            self.check("rehearsed by the API server", data.id in self._rehearsed, f"{data.id} was never asked about")
        if isinstance(data, Intent):
            self._judge(event, data)

    def _judge(self, event: Event, data: Intent) -> None:
        given = data.change.precondition
        aims = f"{given.uid}/{given.resource_version}"
        self.check("the write is for what was read", aims in self.oracle.reads, f"{data.id} writes to {aims}, unread")
        read_at = self.oracle.reads.get(aims)
        self.check("the write is for what was just read", self.oracle.lately(read_at, OLD), f"{data.id}: {read_at}")
        if data.part > 1:  # what was decided at the beginning of the step is not said again before each of its writes
            return
        decided = self._decided.get(event.incident)
        seen: dict[str, Any] = decided.data.evidence if decided and isinstance(decided.data, Decision) else {}
        known = bool(seen) and not seen["unknown"] and bool(seen["exists"])
        self.check("no act on what is unknown", known, f"{data.id} on {seen}")
        if not known:
            return
        holds = all(answer["holds"] is True for answer in seen["answers"])
        self.check("conditions hold", holds, f"{data.id}: {seen['answers']}")
        read = f"{seen['uid']}/{seen['resource_version']}"
        fresh = self.oracle.lately(self.oracle.reads.get(read), OLD)
        self.check("evidence was really read", fresh, f"{data.id} on {read}")
        itself = event.target is not None and given.uid == event.target.uid
        self.check("the write is for what was decided on", aims == read or not itself, f"{data.id}: {read}, {aims}")


class SaidOnce(Promise):
    """A decision is journalled when it differs from the incident's last one, not at every look."""

    def __init__(self, oracle: Any) -> None:
        super().__init__(oracle)
        self._gists: dict[str, Any] = {}

    def on_record(self, record: Record) -> None:
        """Compare a refusal with the last one of its incident; whatever else happened in between makes it news."""
        event, data = record.event, record.event.data
        if event.kind in ("rules", "leader"):
            self._gists.clear()
        if not event.incident or event.kind == "signal":
            return
        if not isinstance(data, Decision) or data.result not in ("hold", "deny"):
            self._gists.pop(event.incident, None)
            return
        gist = data.result, data.step, data.then, tuple((each.guard, each.verdict) for each in data.verdicts)
        self.check("said once", self._gists.get(event.incident) != gist, f"record {record.seq} says again {gist}")
        self._gists[event.incident] = gist


def _fires_since(story: Story, rule: Rule) -> int:
    """The event since which evidence has lasted without a break; one shorter than `keep_firing_for` is none."""
    since, cleared, standing = 0, None, dict[str, bool]()
    for place, each in enumerate(story.events):
        if not isinstance(each.data, Signal):
            continue
        standing[each.data.fingerprint] = each.data.status != "resolved"
        if not any(standing.values()):
            cleared = cleared or each.time
        elif cleared is not None:
            since = place if seconds(each.time - cleared) >= rule.when.keep_firing_for else since
            cleared = None
    return since


def is_masked(story: Story, rule: Rule) -> bool:
    """Whether a step that did not help may have ended the alert, which has not fired anew since it was done."""
    masks = written = masked = False
    for each in story.events:
        match each.data:
            case Intent():
                masks = mask_of(each.data.action, rule.when) is not None
            case Outcome(status=OutcomeStatus.APPLIED | OutcomeStatus.ADOPTED):
                written = written or masks
            case Verification(result="failed"):
                masked = written
            case Signal(status="firing"):
                written = masked = False
    return masked


class Signalled(Promise):
    """A step is taken while its signals fire, and have for as long as the rule wants, or where a step before it may
    have ended them; an echo of what was cured opens nothing.
    """

    def __init__(self, oracle: Any) -> None:
        super().__init__(oracle)
        self._known: dict[str, list[datetime]] = {}

    def on_record(self, record: Record) -> None:
        """Look at intents, and at what opens incidents."""
        event, data = record.event, record.event.data
        if isinstance(data, Intent) and data.part <= 1:
            self._lasted(event)
        if isinstance(data, Signal) and data.status == "firing" and event.target is not None:
            self._is_news(event, data)
        self._known.setdefault(event.incident, []).append(self.oracle.world.clock.now())

    def _lasted(self, event: Event) -> None:
        story = self.history.stories[event.incident]
        last: dict[str, str] = {}
        for each in story.events:
            if isinstance(each.data, Signal):
                last[each.data.fingerprint] = each.data.status
        rule = self.history.rules.get(event.rule)
        fires = "firing" in last.values() or (rule is not None and is_masked(story, rule))
        self.check("no act without a signal", fires, f"{event.incident}: {last}")
        if rule is not None:
            since = _fires_since(story, rule)
            back = self.oracle.set_back(self._known[event.incident][since], self.oracle.world.clock.now())
            lasted = seconds(event.time + back - story.events[since].time)
            self.check("evidence lasts for `for`", lasted >= rule.when.for_, f"{event.incident} acts after {lasted} s")

    def _is_news(self, event: Event, data: Signal) -> None:
        assert event.target is not None
        before = self._cured(event.rule, event.target.key)
        if before is None or self.history.stories[event.incident].events[-1].kind != "incident_opened":
            return
        echo = any(
            isinstance(each.data, Signal)
            and (each.data.fingerprint, each.data.starts_at) == (data.fingerprint, data.starts_at)
            for each in before.events
        )
        rested = seconds(event.time - before.events[-1].time) >= cooldown_of(self.history, event.rule)
        self.check("an echo opens nothing", rested or not echo, f"{event.incident} echoes {before.id}")

    def _cured(self, rule: str, target: str) -> Story | None:
        """The incident of the rule and target that ended last, if it recovered."""
        ended = [story for story in self.history.on_target(target) if story.rule == rule and story.closed]
        last = ended[-1].last(IncidentClosed) if ended else None
        return ended[-1] if last is not None and last.data.reason is CloseReason.RECOVERED else None
