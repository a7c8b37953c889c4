"""What an action is: it checks its arguments when rules load, plans a change from live objects, and can take it back.

An action never writes. It is handed an `Order` and answers a `Change` for the executor, a `Refusal`, or that it has to
wait. One that takes several writes plans one at a time, always the next, until it answers that it is `Done`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from remediator.core.durations import DurationError, parse_duration
from remediator.core.events import Intent
from remediator.core.grants import Grant
from remediator.core.kinds import KINDS
from remediator.core.memory import Good
from remediator.core.model import Change, Json, Precondition, Ref, Refusal, Target, Value, Verb
from remediator.core.progress import Written
from remediator.core.snapshot import Facts, Listing, Snapshot
from remediator.core.tainting import EFFECTS

REMEDIATION = "remediator.io/remediation"
"""Annotation that every write of ours leaves on its object: the id of the intent behind it."""


FENCE = "remediator.io/fence"
"""Annotation that moves an object's resourceVersion, so that every write planned before it fails."""


class Wait(Value, frozen=True):
    """An action's answer where the next write cannot be made yet: look again at `retry_at`."""

    reason: str
    retry_at: datetime


class Done(Value, frozen=True):
    """An action's answer where nothing is left to be written; before its first write: nothing is to be done."""

    summary: str


Planned = Change | Refusal | Wait | Done


class Disruption(enum.StrEnum):
    """What an action takes away of what runs."""

    NONE = "none"  # nothing: it gives back, or only tells
    ROLLING = "rolling"  # pods one after the other, as the workload's own strategy allows
    PODS = "pods"  # single pods, at once
    NODE = "node"  # a node, and what runs on it


class Effect(Value, frozen=True):
    """What an action does with given arguments to a given target: see the fields of `Action` of these names."""

    disrupts: Disruption
    sets: frozenset[str] = frozenset()
    spares_ready: bool = False
    leaves: int | None = None


class Order(Value, frozen=True):
    """What is to be planned: the intent's id, the target, the checked arguments, and the target as it is live.

    `since` is when the evidence began; what was changed after it is not what the evidence is about. `done` are the
    writes of a step of several that were carried out, in their order: none before the first. `due` is when what it
    lends is given back. `good` is what the journal remembers of the target as it was healthy, the latest last.
    """

    id: str
    target: Target
    args: Json
    snapshot: Snapshot
    since: datetime | None = None
    done: tuple[Written, ...] = ()
    good: tuple[Good, ...] = ()
    due: datetime | None = None


class UndoOrder(Value, frozen=True):
    """What is to be taken back: the id of the undo, the intent (the last of several, with all that are `done`), and the
    target as it is live.
    """

    id: str
    intent: Intent
    target: Target
    snapshot: Snapshot
    done: tuple[Written, ...] = ()


class Action(Value, frozen=True):
    """One registered action.

    `kinds` are the targets it applies to, all where empty. `check` answers what is wrong with arguments, nothing
    where they are right. `during_rollout` allows it while the target rolls out, `while_paused` while its roll-out is
    paused; `reads_revisions` says that it plans on the target's roll-out history. `tells` marks the action that tells a
    person instead of writing, `looks` the one that only diagnoses, `names_kind` one whose rule must say of which kind
    its target is.

    `kept` says whether a carried-out intent's change still stands in the live object; without it nobody is noticed who
    takes it back. One that `yields` takes that for a person's word: it is not made again, and the target left alone.

    `lasts` marks a step of several writes: the seconds that it may take in all, from its arguments; 0 where these leave
    but one. `outlook` are then the writes that are left as things stand, in words, and `outlives` says that the first
    write takes the target away and the others give it back. `lends` are the seconds after which what the first write
    set is given back, 0 for never; until then nothing is in flight. What gives back nothing but the mode may keep.
    `reads` are the lists that it plans on.

    One that `removes` takes the target itself away: what proves it is that the target is gone.

    `disrupts` is what it takes away of what runs, `sets` the groups of fields that it changes and that a manifest or
    another controller may own: `template`, `replicas`, `bounds`, `fields`. One that does not say what it disrupts
    counts as the worst; where that depends on its arguments or the target, `effect` says what holds for these.
    `replaces` says that what it takes away has to come up anew; a cordon takes away a place and no pod. One that
    `spares_ready` ones takes only pods that are not ready, whose end is no loss to those that they would serve. One
    that takes several at once says how many replicas it `leaves`.

    `grants` are what the account must be allowed for its writes and lists, beside reading the target, where it depends
    on them for given arguments. Every action says so, be it nothing: None is a mistake that a test finds.
    """

    name: str
    kinds: tuple[str, ...]
    check: Callable[[Json], tuple[str, ...]]
    plan: Callable[[Order], Planned] | None = None
    undo: Callable[[UndoOrder], Change | Refusal] | None = None
    kept: Callable[[Intent, Json], bool] | None = None
    yields: bool = False
    removes: bool = False
    lasts: Callable[[Json], float] | None = None
    outlook: Callable[[Order], tuple[str, ...]] | None = None
    outlives: bool = False
    lends: Callable[[Json], float] | None = None
    reads: Callable[[Target, Json, Json], tuple[Listing, ...]] | None = None
    during_rollout: bool = False
    while_paused: bool = False
    reads_revisions: bool = False
    tells: bool = False
    looks: bool = False
    names_kind: bool = False
    disrupts: Disruption = Disruption.NODE
    replaces: bool = True
    sets: frozenset[str] = frozenset()
    spares_ready: bool = False
    leaves: int | None = None
    effect: Callable[[Json, Target, Facts], Effect] | None = None
    grants: tuple[Grant, ...] | Callable[[Json], tuple[Grant, ...]] | None = None

    def asked(self, args: Json, target: Target, facts: Facts) -> Action:
        """The action as guards see it, with what it does with these arguments to this target."""
        if self.effect is None or facts.unknown or not facts.exists:
            return self
        found = self.effect(args, target, facts)
        names = ("disrupts", "sets", "spares_ready", "leaves")
        return replace(self, **{name: getattr(found, name) for name in names})

    def granted(self, args: Json) -> tuple[Grant, ...]:
        """What the account must be allowed for a step with these arguments."""
        return self.grants(args) if callable(self.grants) else self.grants or ()


def several(action: Action, args: Json) -> bool:
    """Whether a step of this action with these arguments is made of several writes."""
    return action.lasts is not None and action.lasts(args) > 0


def no_arguments(args: Json) -> tuple[str, ...]:
    """The check of actions that take none."""
    return tuple(f"unknown argument {name!r}: this action takes none" for name in args)


def unknown_arguments(action: str, args: Json, *known: str) -> tuple[str, ...]:
    """A complaint about every argument that an action does not take."""
    return tuple(f"unknown argument {name!r}: {action} takes {', '.join(known)}" for name in args if name not in known)


def precondition_of(live: Json) -> Precondition:
    """That the object is still the one, and in the state, that was read."""
    meta = live["metadata"]
    return Precondition(meta["uid"], meta["resourceVersion"])


def eviction(pod: Json, order_id: str, grace: int | None = None) -> Change:
    """The eviction of a live pod, this very one; `grace` seconds, else as long as the pod itself asks for.

    Its prior state is whose it was: by that its successor is known.
    """
    meta = pod["metadata"]
    owners = (each for each in meta.get("ownerReferences") or () if each.get("controller"))
    owner = next(({key: each.get(key, "") for key in ("kind", "name", "uid")} for each in owners), None)
    options: Json = {"gracePeriodSeconds": grace} if grace is not None else {}
    return Change(
        Verb.EVICT,
        Ref(KINDS["Pod"], meta["namespace"], meta["name"]),
        annotated({"deleteOptions": options}, order_id),
        precondition_of(pod),
        prior={"owner": owner} if owner else {},
        summary=f"evict Pod/{meta['namespace']}/{meta['name']}",
    )


def deletion(ref: Ref, live: Json, order_id: str, options: Json | None = None) -> Change:
    """The deletion of a live object, this very one, with `options` such as `propagationPolicy`."""
    body = annotated({"deleteOptions": options or {}}, order_id)
    return Change(Verb.DELETE, ref, body, precondition_of(live), summary=f"delete {ref}")


def duration_problem(name: str, said: object) -> str:
    """What is wrong with an argument that is a duration in whole seconds; empty where it is right."""
    try:
        seconds = parse_duration(said) if isinstance(said, str) else None
    except DurationError as error:
        return f"{name} {error.message}: {error.remedy}"
    if seconds is None:
        return f"{name} is {said!r}: write a duration, as in 10m"
    return "" if seconds == int(seconds) else f"{name} is {said!r}: it is in whole seconds"


_OWN_TAINTS = "node.kubernetes.io/"
_TAINT_KEY = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_TAINT_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")


def taint_problems(action: str, args: Json, names: tuple[str, ...]) -> tuple[str, ...]:
    """What is wrong with arguments that name a taint, by the API server's rules for keys, values and effects."""
    key, value, effect = args.get("key"), args.get("value", ""), args.get("effect", EFFECTS[0])
    wrong = [f"unknown argument {name!r}: {action} takes {', '.join(names)}" for name in args if name not in names]
    if not isinstance(key, str) or not _TAINT_KEY.fullmatch(key):
        wrong.append(f"key is {key!r}: name a taint, as in example.org/broken")
    elif key.startswith(_OWN_TAINTS):
        wrong.append(f"key is {key!r}: taints of {_OWN_TAINTS} are the node controller's own")
    if not isinstance(value, str) or not _TAINT_VALUE.fullmatch(value):
        wrong.append(f"value is {value!r}: it has at most 63 letters, digits, dots, dashes and underscores")
    if effect not in EFFECTS:
        wrong.append(f"effect is {effect!r}: it is one of {', '.join(EFFECTS)}")
    return tuple(wrong)


def annotated(change: Json, order_id: str) -> Json:
    """A merge or strategic patch body with the remediation's id among the object's annotations."""
    meta = change.setdefault("metadata", {})
    meta.setdefault("annotations", {})[REMEDIATION] = order_id
    return change


def instant(at: datetime) -> str:
    """RFC 3339 with whole seconds, as kubectl writes annotations."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
