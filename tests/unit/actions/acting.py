"""Actions as tests try them: planned on a live object, carried out and undone in a cluster whose controllers act."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from remediator.actions.action import Action, Order, Planned, UndoOrder
from remediator.core.events import Intent
from remediator.core.kinds import ref_of, resource
from remediator.core.model import Change, Json, PatchType, Refusal, Target, Verb, as_json
from remediator.core.snapshot import Snapshot
from remediator.core.workload import facts_of
from remediator.simulation.world import World
from tests.unit.builders import START

ID, UNDO_ID = "incident-1-1", "incident-1-2"


def is_granted(action: Action, change: Change, args: Json, kind: str) -> bool:
    """Whether the action has declared the right that a change of its takes."""
    verb, part = ("create", "eviction") if change.verb is Verb.EVICT else (change.verb.value, "")
    granted = {(each.verb, (each.resource or resource(kind)).kind, each.part) for each in action.granted(args)}
    return change.verb is Verb.CALL or (verb, change.ref.resource.kind, part) in granted


def target_of(live: Json) -> Target:
    meta = live["metadata"]
    return Target(live["kind"], meta.get("namespace", ""), meta["name"], meta["uid"])


def seen(live: Json, **fields: Any) -> Snapshot:
    return Snapshot(facts_of(live, START), live, **fields)


def plan(action: Action, live: Json, args: Json | None = None, **order: Any) -> Planned:
    """What the action plans on an object with these arguments, which are right."""
    args = args or {}
    assert action.check(args) == ()
    assert action.plan is not None
    snapshot = order.pop("snapshot", None) or seen(live)
    answer = action.plan(Order(ID, target_of(live), args, snapshot, **order))
    assert not isinstance(answer, Change) or is_granted(action, answer, args, live["kind"]), "a right is not declared"
    return answer


def planned(action: Action, live: Json, args: Json | None = None, **order: Any) -> Change:
    answer = plan(action, live, args, **order)
    assert isinstance(answer, Change), answer
    return answer


def refused(action: Action, live: Json, args: Json | None = None, **order: Any) -> Refusal:
    answer = plan(action, live, args, **order)
    assert isinstance(answer, Refusal), answer
    assert answer.remedy
    return answer


def intent_of(action: Action, change: Change) -> Intent:
    """The intent as the journal gives it back: its prior state apart from its change."""
    return Intent(ID, action.name, 0, 1, replace(change, prior={}), prior=as_json(change.prior))


def undo(action: Action, change: Change, live: Json) -> Planned:
    assert action.undo is not None
    return action.undo(UndoOrder(UNDO_ID, intent_of(action, change), target_of(live), seen(live)))


class Yard:
    """A small cluster and one object in it."""

    def __init__(self, obj: Json) -> None:
        self.world = World(namespaces=("shop",))
        self.target = target_of(self.world.create(obj))
        self.world.advance(60)

    @property
    def live(self) -> Json:
        return self.world.server.get(ref_of(self.target))

    def write(self, change: Change) -> Json:
        """Carry a change out and let the controllers act; answers the object."""
        self.world.server.patch(change.ref, change.body, change.patch_type)
        self.world.advance(60)
        return self.live

    def somebody_patches(self, body: Json) -> Json:
        self.world.server.patch(ref_of(self.target), body, PatchType.MERGE)
        self.world.advance(60)
        return self.live
