"""Objects as signals: what fires was so in the cluster a moment ago, what is over was not, and none is missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from remediator.core.events import Intent, Record, Signal
from remediator.core.model import Json
from remediator.core.rules import ObjectSpec, Rule
from remediator.simulation.store import Commit
from remediator.sources.watched import SOURCE, fingerprint
from tests.simulate.promises.promise import Promise

OLD = timedelta(seconds=150)
"""How old what is known of objects may be: a cache is believed for ninety seconds, a stale list adds to it."""

SOON = timedelta(minutes=5)


def _is_cordoned(node: Json) -> bool:
    return bool(node["spec"].get("unschedulable"))


def _is_short(deployment: Json) -> bool:
    return (deployment.get("status") or {}).get("availableReplicas", 0) < deployment["spec"].get("replicas", 1)


def _is_pending(pod: Json) -> bool:
    return (pod.get("status") or {}).get("phase") == "Pending"


CORDONED = ObjectSpec("Node", where="object.spec.unschedulable == true")
SHORT = ObjectSpec("Deployment", where="object.status.availableReplicas < object.spec.replicas")
PENDING = ObjectSpec("Pod", selector="app", where='object.status.phase == "Pending"')
TRUTHS: dict[ObjectSpec, Callable[[Json], bool]] = {CORDONED: _is_cordoned, SHORT: _is_short, PENDING: _is_pending}
"""What rules of a simulated run may say of objects, and the same in Python."""

Key = tuple[ObjectSpec, str]


class Shown(Promise):
    """Promise 1, for objects: each signal was true of the object itself not long ago, and its end likewise."""

    def __init__(self, oracle: Any) -> None:
        super().__init__(oracle)
        self._process = ""
        self._is_so: dict[Key, bool] = {}
        self._ended_at: dict[Key, datetime] = {}
        self._begun_at: dict[Key, datetime] = {}
        self._whose: dict[Key, Json] = {}
        self._wanted = {spec.kind: (spec, truth) for spec, truth in TRUTHS.items()}
        oracle.world.store.listen(self._hear)
        for kind, (spec, truth) in self._wanted.items():
            for obj in oracle.world.store.each(kind):
                self._note(spec, obj, truth(obj))

    def _hear(self, commit: Commit) -> None:
        if commit.kind in self._wanted:
            spec, truth = self._wanted[commit.kind]
            self._note(spec, commit.obj, commit.type != "DELETED" and truth(commit.obj))

    def _note(self, spec: ObjectSpec, obj: Json, is_so: bool) -> None:
        key = spec, _mark(obj)
        before, self._is_so[key] = self._is_so.get(key, False), is_so
        now = self.oracle.world.clock.now()
        if before and not is_so:
            self._ended_at[key] = now
            self._whose.pop(key, None)
        elif is_so and not before:
            self._begun_at[key] = now
            self._whose[key] = obj

    def before(self, process: str, records: Sequence[Record]) -> None:
        """Whose records these are."""
        self._process = process

    def on_record(self, record: Record) -> None:
        """Look at signals of objects."""
        data, rule = record.event.data, self.history.rules.get(record.event.rule)
        if isinstance(data, Intent) and data.part <= 1 and rule is not None and rule.when.object is not None:
            self._demand_that_it_stands(record, rule.when.object)
        if not isinstance(data, Signal) or data.source != SOURCE or rule is None or rule.when.object is None:
            return
        spec = rule.when.object
        key, since = (spec, data.fingerprint), self.oracle.known_since(self._process, spec.kind) - OLD
        if data.status == "firing":
            held = self._is_so.get(key, False) or self._ended_at.get(key, self.oracle.start) >= since
            self.check("an object fires that is so", held, f"{rule.name}: {data.labels}")
        if data.status == "resolved":
            over = not self._is_so.get(key, False) or self._begun_at.get(key, self.oracle.start) >= since
            self.check("an object is over that is not so", over, f"{rule.name}: {data.labels}")

    def _demand_that_it_stands(self, record: Record, spec: ObjectSpec) -> None:
        """At an intent: of one object at least it is still so, or was while what is known of it was fresh."""
        story, since = self.history.stories[record.event.incident], self.oracle.told_since - OLD
        marks = {each.data.fingerprint for each in story.events if isinstance(each.data, Signal)}
        keys = [(spec, mark) for mark in marks]
        stands = any(self._is_so.get(key, False) or self._ended_at.get(key, self.oracle.start) >= since for key in keys)
        self.check("no act on an object that is not so", stands, f"{record.seq}: {marks}")

    def at_end(self) -> None:
        """Every object of which it has long been so is said."""
        for rule in self.history.rules.values():
            for (spec, mark), obj in self._whose.items():
                if spec == rule.when.object and self._is_due(spec, mark):
                    self._demand(rule, mark, obj)

    def _is_due(self, spec: ObjectSpec, mark: str) -> bool:
        return self._begun_at[spec, mark] < self.oracle.world.clock.now() - SOON

    def _demand(self, rule: Rule, mark: str, obj: Json) -> None:
        state, key = self.history.state, f"{rule.name}|{mark}"
        same = [each for each in state.incidents.values() if each.definition.name == rule.name]
        enough = any(sum(not seen.resolved for seen in each.signals) >= 60 for each in same)
        said = key in state.told or key in state.noted or self._rests(rule, mark) or enough
        self.check("no object is missed", said, f"{rule.name}: {obj['metadata']['name']} since it began")

    def _rests(self, rule: Rule, mark: str) -> bool:
        """Whether an incident about it was closed: its own echo opens no other."""
        return any(
            story.rule == rule.name
            and story.closed
            and any(isinstance(each.data, Signal) and each.data.fingerprint == mark for each in story.events)
            for story in self.history.stories.values()
        )


def _mark(obj: Json) -> str:
    meta = obj["metadata"]
    return fingerprint(obj["kind"], meta.get("namespace", ""), meta["name"], meta["uid"])
