"""Intent before effect, at most one effect per intent, and no write without a precondition or outside of intents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from remediator.actions.action import REMEDIATION
from remediator.core.cordoning import CORDONED
from remediator.core.durations import parse_duration
from remediator.core.events import Event, Intent, Outcome, Record, Undo
from remediator.core.hiding import hidden
from remediator.core.model import Change, Mode, OutcomeStatus, Verb
from remediator.executor import FENCE
from remediator.simulation.faults import FaultKind
from tests.simulate.history import EFFECTIVE, Deed, Effect
from tests.simulate.promises.promise import Promise


def mark_of(body: object) -> tuple[str, str]:
    """The id of the intent that a write names, and by which annotation."""
    annotations = (body.get("metadata") or {}).get("annotations") or {} if isinstance(body, dict) else {}
    for annotation in (REMEDIATION, FENCE):
        if annotations.get(annotation):
            return annotations[annotation], annotation
    return "", ""


class IntentFirst(Promise):
    """Promises 3 and 4: a write is durable in the journal before it is sent, and has at most one effect."""

    def on_send(self, process: str, change: Change) -> None:
        """Before the request leaves: its intent is in the journal, and open."""
        id_, annotation = mark_of(change.body)
        deed = self.history.deeds.get(id_)
        self.check("intent before effect", deed is not None, f"{process} sends {change.summary!r} without an intent")
        given = change.precondition
        self.check(
            "every write has a precondition",
            bool(given.uid and given.resource_version),
            f"{process} sends {change.summary!r} with {given}",
        )
        if deed is None or annotation == FENCE:
            return
        deed.sent += 1
        same = (change.verb, change.ref, hidden(change.body), given) == (
            deed.data.change.verb,
            deed.data.change.ref,
            deed.data.change.body,
            deed.data.change.precondition,
        )
        self.check("what is written is what was intended", same, f"{id_}: sent {change}, intended {deed.data.change}")

    def on_effect(self, effect: Effect) -> None:
        """An effect belongs to an intent that is open or whose outcome says that it was done; and is its only one."""
        id_, annotation = mark_of(effect.entry.request.body)
        deed = self.history.deeds.get(id_)
        self.check("no write outside of intents", deed is not None, f"{effect.entry.request}")
        if deed is None or annotation == FENCE:
            return
        deed.effects.append(effect)
        self.check("at most one effect per intent", len(deed.effects) == 1, f"{id_} took effect twice")
        self.check("no fight with whoever takes it back", self._made(deed) <= 2, f"{id_}: {self._made(deed)} times")
        undone = deed.status is not None and deed.status not in EFFECTIVE
        self.check("never done stays never done", not undone, f"{id_} took effect after {deed.status}")

    def _made(self, deed: Deed) -> int:
        """How often the incident has made the change of this step: once more where it was taken back, then no more."""
        if isinstance(deed.data, Undo):
            return 0
        deeds = self.history.stories[deed.event.incident].deeds
        same = [each for each in deeds if each.data.step == deed.data.step and each.begins]
        return sum(bool(each.effects) for each in same)

    def on_record(self, record: Record) -> None:
        """An outcome says what is true."""
        data = record.event.data
        if not isinstance(data, Outcome):
            return
        deed = self.history.deeds.get(data.intent)
        self.check("an outcome has an intent", deed is not None and deed.outcome is None, f"{data}")
        if deed is None:
            return
        done, said = bool(deed.effects), data.status in EFFECTIVE
        taken = deed.data.change.verb in (Verb.EVICT, Verb.DELETE) and data.status is OutcomeStatus.ADOPTED
        if data.status is OutcomeStatus.GONE or taken:  # of what is no more nobody can tell who took it away
            self.check("what is said to be gone is gone", self._is_gone(deed), f"{data}")
        else:
            self.check("an outcome says what is true", done is said, f"{data} but effects: {len(deed.effects)}")

    def _is_gone(self, deed: Deed) -> bool:
        """Whether the object is not there, is another one, or is on its way out; or a stale read said so."""
        ref, uid = deed.data.change.ref, deed.data.change.precondition.uid
        live = self.oracle.world.store.get(ref.resource.kind, ref.namespace, ref.name)
        going = live is None or live["metadata"]["uid"] != uid or "deletionTimestamp" in live["metadata"]
        return going or self.oracle.lately(self.oracle.lied_at.get(FaultKind.STALE), 75.0)


class Modes(Promise):
    """Promise 6: what observes or is off writes nothing; what writes was allowed to when it was decided."""

    def before(self, process: str, records: Sequence[Record]) -> None:
        """An intent to write has the mode `enforce`, which no level forbids; any other ends in the same append."""
        outcomes = {each.event.data.intent: each.event.data for each in records if isinstance(each.event.data, Outcome)}
        for record in records:
            event, data = record.event, record.event.data
            if event.kind not in ("intent", "undo"):
                continue
            mode = self.history.mode_of(event.rule)
            if event.mode is Mode.OBSERVE and not isinstance(data, Undo):
                outcome = outcomes.get(data.id)
                rehearsed = outcome is not None and outcome.status is OutcomeStatus.REHEARSED
                self.check("observe writes nothing", rehearsed and mode is Mode.OBSERVE, f"{event} under {mode}")
            else:
                allowed = event.mode in (Mode.ENFORCE, Mode.APPROVE) and event.mode == mode
                self.check("only what may write intends to", allowed, f"intent under {event.mode}, in force: {mode}")

    def on_effect(self, effect: Effect) -> None:
        """The effect's intent was made to be carried out."""
        deed = self.history.deeds.get(mark_of(effect.entry.request.body)[0])
        if deed is not None:
            allowed = deed.event.mode in (Mode.ENFORCE, Mode.APPROVE)
            self.check("observe writes nothing", allowed, f"{deed.data.id} took effect under {deed.event.mode}")


class Untouchable(Promise):
    """Promise 10: nothing that is protected, not even to fence it."""

    def on_effect(self, effect: Effect) -> None:
        """Every write, fences too."""
        policy, request = self.history.policy, effect.entry.request
        labels = (effect.before or {}).get("metadata", {}).get("labels") or {}
        deed = self.history.deeds.get(mark_of(request.body)[0])
        of_node = deed is not None and deed.event.target is not None and deed.event.target.kind == "Node"
        elsewhere = not of_node and request.namespace in policy.protected.namespaces  # pods go with their node
        protected = elsewhere or any(
            labels.get(name) == value
            for name, _, value in (selector.partition("=") for selector in policy.protected.selectors)
        )
        self.check("never the protected", not protected, f"{request.verb} {request.namespace}/{request.name}")


class OneHand(Promise):
    """Promise 8: one remediation in flight per target, over all rules."""

    def on_record(self, record: Record) -> None:
        """At an intent no other incident holds the target."""
        event = record.event
        if event.kind not in ("intent", "undo") or event.target is None or event.mode is Mode.OBSERVE:
            return
        others = [
            story.id
            for story in self.history.open.values()
            if story.in_hand and story.target == event.target.key and story.id != event.incident
        ]
        self.check(
            "one target, one hand", not others, f"{event.target} is in the hand of {others} and {event.incident}"
        )


class Undoing(Promise):
    """Promise 7: an undo takes back what we set, where nobody else has touched it since, and leaves what was there."""

    def on_effect(self, effect: Effect) -> None:
        """Compare what the undo met and left with what the step had left and met."""
        deed = self.history.deeds.get(mark_of(effect.entry.request.body)[0])
        if deed is None or mark_of(effect.entry.request.body)[1] == FENCE:
            return
        if _is_open(effect.after) and not _is_open(effect.before) and effect.entry.request.kind == "Node":
            self._foreign(deed, effect)
        if not isinstance(deed.data, Undo):
            return
        done = self._done(deed)
        self.check("only what was done is undone", done is not None, f"{deed.data.id} undoes {deed.data.of}")
        if done is None:
            return
        action = deed.data.action
        ours, met = _set(done.after, action), _set(effect.before, action)
        self.check("undo only what is ours", ours == met, f"{deed.data.id} meets {met}, we had set {ours}")
        was, left = _set(done.before, action), _set(effect.after, action)
        self.check("undo restores what was there", was == left, f"{deed.data.id} leaves {left}, there was {was}")

    def _foreign(self, deed: Deed, effect: Effect) -> None:
        """A cordon that does not bear our mark is lifted only where the rule says so."""
        incident = self.history.state.incidents.get(deed.event.incident)
        args = incident.definition.do[deed.data.step].args if incident else {}
        marks = ((effect.before or {}).get("metadata") or {}).get("annotations") or {}
        ours = CORDONED in marks or args.get("foreign", False)
        self.check("a cordon of somebody else stays", ours, f"{deed.data.id}: {marks}")

    def _done(self, deed: Deed) -> Effect | None:
        """The latest effect of the step on the very object."""
        assert isinstance(deed.data, Undo)
        of = self.history.deeds.get(deed.data.of)
        deeds = self.history.stories[deed.event.incident].deeds if of else []
        step = [each for each in deeds if isinstance(each.data, Intent) and each.data.step == deed.data.step]
        uid = deed.data.change.precondition.uid
        done = [each for item in step for each in item.effects if each.after.get("metadata", {}).get("uid") == uid]
        return done[-1] if done else None


class Draining(Promise):
    """A drain takes the pods of its node and no others, within its time."""

    def on_effect(self, effect: Effect) -> None:
        """The evicted pod was on the target, and belongs to no DaemonSet."""
        deed = self.history.deeds.get(mark_of(effect.entry.request.body)[0])
        if deed is None or deed.event.target is None or effect.entry.request.verb != "evict":
            return
        pod = effect.before or effect.after
        node, owners = pod["spec"].get("nodeName"), [each["kind"] for each in pod["metadata"]["ownerReferences"]]
        fits = node == deed.event.target.name and "DaemonSet" not in owners
        self.check("only pods of the node are evicted", fits, f"{deed.data.id}: {effect.entry.request} on {node}")

    def on_record(self, record: Record) -> None:
        """No write is intended after the instant by which the step must be done."""
        data = record.event.data
        if isinstance(data, Intent) and data.until is not None:
            in_time = record.event.time < data.until
            self.check("a step keeps within its time", in_time, f"{data.id} at {record.event.time}, until {data.until}")
            self._is_the_rules(record.event, data)

    def _is_the_rules(self, event: Event, data: Intent) -> None:
        """The time is the rule's, counted from the step's first write, whoever goes on with it."""
        deeds = self.history.stories[event.incident].deeds if event.incident in self.history.stories else []
        first = [each for each in deeds if each.begins and each.data.step == data.step][-1:] if data.part > 1 else []
        began = first[0].event.time if first else event.time
        incident = self.history.state.incidents[event.incident]
        lasts = parse_duration(incident.definition.do[data.step].args.get("timeout", "10m"))
        due = began + timedelta(seconds=lasts)
        self.check("a step has the time that its rule says", data.until == due, f"{data.id}: {data.until}, not {due}")


def _is_open(node: dict | None) -> bool:
    return not (node or {}).get("spec", {}).get("unschedulable")


def _set(obj: dict | None, action: str) -> object:
    """What an action sets of an object: template or replicas of a workload, a node's cordon, an autoscaler's bounds."""
    spec = (obj or {}).get("spec", {})
    return {
        "scale": spec.get("replicas"),
        "scale_hpa": (spec.get("maxReplicas"), spec.get("minReplicas")),
        "cordon": bool(spec.get("unschedulable")),
        "uncordon": bool(spec.get("unschedulable")),
        "drain": bool(spec.get("unschedulable")),
    }.get(action, spec.get("template"))
