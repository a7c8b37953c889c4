"""The one who watches a run and judges it by the promises, from the journal and the audit alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from remediator.actions.action import REMEDIATION
from remediator.clients.query_answer import Answer, Vector
from remediator.core.events import Leader, Record
from remediator.core.model import Change, Json
from remediator.executor import FENCE
from remediator.ports import Delivery
from remediator.simulation.alertmanager import Peer
from remediator.simulation.audit import WRITES, Audit, Entry, Request
from remediator.simulation.faults import Fault, Faults
from remediator.simulation.store import Commit
from remediator.simulation.world import World
from tests.simulate.history import Effect, History
from tests.simulate.promises import PROMISES
from tests.simulate.promises.promise import Promise
from tests.simulate.scenario import Scenario
from tests.simulate.scrapes import Scrapes
from tests.simulate.trace import Trace
from tests.simulate.weather import Weather

WATCHED = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Node", "HorizontalPodAutoscaler"})
LEASE = "Lease"
"""Who is in charge is written there, outside of all intents."""


@dataclass(frozen=True)
class Violation:
    """One broken promise: which, when (seconds into the run), and what was seen."""

    promise: str
    at: float
    what: str

    def __str__(self) -> str:
        return f"{self.promise} broken at {self.at:.3f}s: {self.what}"


class Oracle:
    """Hears of every send, every effect, every durable record and every payload, and asks each promise about it."""

    def __init__(self, world: World, weather: Weather, account: str, *, trace: bool = False) -> None:
        self.world, self.weather, self.history = world, weather, History()
        self.start = world.clock.now()
        self.trace = Trace(self.start, wanted=trace)
        self.violations: list[Violation] = []
        self.checked: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.payloads: dict[int, bytes] = {}
        self.reads: dict[str, datetime] = {}
        self.lied_at: dict[str, datetime] = {}
        self._account, self._commits = account, []
        self._told_at = self.start
        self._heard_at: dict[tuple[str, str], datetime] = {}
        self._gaps: dict[tuple[str, str], tuple[datetime, datetime]] = {}
        self._mute: tuple[datetime | None, datetime | None] = (None, None)
        self._jumps: list[tuple[datetime, timedelta]] = []
        self.changed: dict[str, datetime] = {}
        self.looked: dict[str, datetime] = {}
        self.to_compare: set[str] = set()
        self.on_intent: Callable[[str], None] = lambda target: None
        self.alerting: tuple[Peer, ...] = ()
        self.reconciles = self.doubts = False
        self.asks_every = 0.0
        world.store.listen(self._heard)
        world.audit, world.faults = _Listening(self), _Watched(self)
        self.promises: list[Promise] = [promise(self) for promise in PROMISES]

    _commits: list[Commit]
    scrapes: Scrapes

    def now(self) -> datetime:
        """The instant that the machines' clocks show."""
        return self.world.clock.now() + self.weather.offset

    def violated(self, promise: str, what: str) -> None:
        """Note a broken promise."""
        self.violations.append(Violation(promise, (self.world.clock.now() - self.start).total_seconds(), what))

    def jump(self, seconds: float) -> None:
        """The machines' clock is set forward, or back."""
        self._jumps.append((self.world.clock.now(), timedelta(seconds=seconds)))

    def jumped(self, since: datetime, until: datetime) -> timedelta:
        """By how much clocks went forward between two instants of the world."""
        steps = (step for at, step in self._jumps if since <= at <= until and step > timedelta())
        return sum(steps, timedelta())

    def set_back(self, since: datetime, until: datetime) -> timedelta:
        """By how much clocks were set back between two instants of the world."""
        steps = (-step for at, step in self._jumps if since <= at <= until and step < timedelta())
        return sum(steps, timedelta())

    def watch_alerts(self, alerting: tuple[Peer, ...], scrapes: Scrapes, scenario: Scenario) -> None:
        """Know what alerting really holds and measures, and which of it the product asks."""
        self.alerting, self.scrapes = alerting, scrapes
        self.reconciles, self.doubts = scenario.reconciles, scenario.doubts
        self.asks_every = scenario.asks_every

    @property
    def alertmanagers(self) -> int:
        """How many Alertmanagers there are."""
        return len(self.alerting)

    def woke(self, process: str) -> None:
        """A process that was in charge goes on; whether another is by now, the journal says."""
        leaders = [each.event.data for each in self.history.records if isinstance(each.event.data, Leader)]
        if leaders and leaders[-1].identity != process:
            self.weather.meet("paused leaders that woke beside another")

    def lately(self, at: datetime | None, seconds: float) -> bool:
        """Whether something was within so many seconds."""
        return at is not None and self.world.clock.now() - at <= timedelta(seconds=seconds)

    def journal_fails(self) -> None:
        """The journal has refused something: what is seen meanwhile waits, and is told late."""
        now = self.world.clock.now()
        if not self.lately(self._mute[1], 60):
            self._mute = now, now
        self._mute = self._mute[0], now

    @property
    def told_since(self) -> datetime:
        """The instant since which records tell at once what is seen; before it lies the last time without a journal."""
        now = self.world.clock.now()
        return self._mute[0] if self._mute[0] is not None and self.lately(self._mute[1], 60) else now

    def compare_soon(self, process: str) -> None:
        """Ask for a comparison of the process's state with the fold of the journal."""
        self.to_compare.add(process)

    def compared(self, process: str, same: bool, what: str) -> None:
        """The comparison that was asked for."""
        self.checked["the state is the fold of the journal"] += 1
        if not same:
            self.violated("the state is the fold of the journal", f"{process}: {what}")

    def _heard(self, commit: Commit) -> None:
        self._commits.append(commit)
        if commit.kind in WATCHED:
            self.changed[f"{commit.kind}/{commit.key[0]}/{commit.key[1]}"] = self.world.clock.now()

    # What is heard

    def read(self, live: Json) -> None:
        """A process has read an object."""
        meta = live["metadata"]
        self.reads[f"{meta['uid']}/{meta['resourceVersion']}"] = self.world.clock.now()
        self.looked[f"{live['kind']}/{meta.get('namespace', '')}/{meta['name']}"] = self.now()

    def listed(self, found: Sequence[Json]) -> None:
        """A process has read objects in a list."""
        now = self.world.clock.now()
        self.reads.update((f"{live['metadata']['uid']}/{live['metadata']['resourceVersion']}", now) for live in found)

    def watched(self, process: str, kind: str) -> None:
        """A process has heard something by a watch; after a long silence it hears first what was long ago."""
        self.counts[f"watch events {kind}"] += 1
        before, now = self._heard_at.get((process, kind)), self.world.clock.now()
        if before is not None and not self.lately(before, 60):
            self._gaps[process, kind] = before, now
        self._heard_at[process, kind] = now

    def known_since(self, process: str, kind: str) -> datetime:
        """The instant to which what a process says of objects may reach back by now."""
        gap = self._gaps.get((process, kind))
        return min(gap[0], self.told_since) if gap is not None and self.lately(gap[1], 30) else self.told_since

    def held(self, process: str, place: int, alertmanager: Peer) -> None:
        """An Alertmanager has told a process which alerts it holds."""
        self.counts["alertmanager asked"] += 1
        for promise in self.promises:
            promise.on_held(process, place, alertmanager)

    def sends(self, process: str, change: Change) -> None:
        """A process is about to send a write."""
        if change.ref.resource.kind == LEASE:
            self.counts["lease writes sent"] += 1
            return
        self.counts["writes sent"] += 1
        for promise in self.promises:
            promise.on_send(process, change)

    def audited(self, entry: Entry) -> None:
        """The API server has answered a request."""
        commits = list(self._commits)
        self._commits.clear()
        request = entry.request
        if request.account != self._account or request.verb not in WRITES or request.kind == LEASE:
            return
        self.trace.request(self.world.clock.now(), entry)
        if request.dry_run or entry.code >= 300:
            self.counts["rehearsals" if request.dry_run else f"writes refused {entry.code}"] += 1
            for promise in self.promises:
                promise.on_refused(entry)
            return
        about = (each for each in reversed(commits) if (each.kind, each.key[1]) == (request.kind, request.name))
        commit = next(about, None)
        effect = Effect(self.now(), entry, commit.old if commit else None, commit.obj if commit else {})
        self.counts["fences" if is_fence(request) else "effects"] += 1
        for promise in self.promises:
            promise.on_effect(effect)

    def stored(self, receipt: int, body: bytes) -> None:
        """A payload is durable."""
        self.payloads[receipt] = body

    def accepted(self, body: bytes) -> None:
        """A payload was answered with 2xx."""
        self.counts["payloads accepted"] += 1
        for promise in self.promises:
            promise.on_accepted(body)

    def appended(self, process: str, records: Sequence[Record], consumed: Sequence[int]) -> None:
        """Records are durable, and receipts consumed with them."""
        now = self.world.clock.now()
        self.history.incident_seconds += len(self.history.open) * (now - self._told_at).total_seconds()
        self._told_at = now
        for promise in self.promises:
            promise.before(process, records)
        for record in records:
            self.trace.record(now, process, record)
            for promise in self.promises:
                promise.on_record(record)
            self.history.tell(record)
            self.counts[f"{record.event.kind}{_word(record)}"] += 1
            if record.event.kind == "intent" and record.event.target is not None and record.event.mode != "observe":
                self.on_intent(record.event.target.key)
        for receipt in consumed:
            body = self.payloads.pop(receipt, b"")
            for promise in self.promises:
                promise.on_consumed(receipt, body)
        for promise in self.promises:
            promise.after(process, records)

    def answered(self, process: str, query: str, answer: Answer) -> None:
        """A query was answered, or the time for it is over."""
        self.counts["queries answered" if isinstance(answer, Vector) else "queries unknown"] += 1
        for promise in self.promises:
            promise.on_answer(process, query, answer)

    def tells(self, process: str, delivery: Delivery) -> None:
        """A process sends a message to a person."""
        for promise in self.promises:
            promise.on_telling(process, delivery)

    def delivered(self, delivery: Delivery) -> None:
        """A person was told."""
        self.counts["messages delivered"] += 1
        for promise in self.promises:
            promise.on_delivered(delivery)

    def ends(self) -> None:
        """The run is over, and everything was put right some hours ago."""
        for promise in self.promises:
            promise.at_end()


class _Listening(Audit):
    """An audit log that only tells the oracle, so that a long run does not fill the memory."""

    def __init__(self, oracle: Oracle) -> None:
        super().__init__()
        self._oracle = oracle

    def note(self, at: datetime, request: Request, code: int) -> None:
        """See `Audit.note`."""
        self._oracle.audited(Entry(at, request, code))


class _Watched(Faults):
    """Faults that tell the oracle when one was injected."""

    def __init__(self, oracle: Oracle) -> None:
        super().__init__()
        self._oracle = oracle

    def take(self, request: Request) -> Fault | None:
        """See `Faults.take`."""
        fault = super().take(request)
        if fault is not None:
            self._oracle.lied_at[fault.kind] = self._oracle.world.clock.now()
        return fault


def marks(body: object) -> dict[str, str]:
    """The annotations that a write sets."""
    if not isinstance(body, dict):
        return {}
    return (body.get("metadata") or {}).get("annotations") or {}


def is_fence(request: Request) -> bool:
    """Whether a write only moves an object's version."""
    return FENCE in marks(request.body) and REMEDIATION not in marks(request.body)


def _word(record: Record) -> str:
    data = record.event.data
    said = getattr(data, "status", "") or getattr(data, "result", "")
    if record.event.kind == "incident_closed":
        said = getattr(data, "reason", "")
    return f" {said}" if said else ""
