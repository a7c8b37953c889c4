"""`patch`: what `kubectl patch` does, with a literal patch of the rule file; for what no other action is made for.

It is the rule's author who knows what the patch does; the guards count it as what it may do at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from remediator.actions.action import (
    REMEDIATION,
    Action,
    Disruption,
    Effect,
    Order,
    Planned,
    precondition_of,
    unknown_arguments,
)
from remediator.actions.setting import prior_of, restore, setting, stands
from remediator.core.fields import MERGE_KEYS
from remediator.core.grants import PATCHES
from remediator.core.hiding import holds_secret
from remediator.core.json_patch import OPERATIONS, PointerError, fields_patched, pointer, steps_of
from remediator.core.kinds import is_custom, ref_of
from remediator.core.model import Change, Json, PatchType, Refusal, Target, Verb
from remediator.core.snapshot import Facts

TYPES = {"strategic": PatchType.STRATEGIC, "merge": PatchType.MERGE, "json": PatchType.JSON}
OURS = "remediator.io/"
OPEN = ("labels", "annotations")
"""The members of `metadata` that a patch may touch."""


def check(args: Json) -> tuple[str, ...]:
    """`type` is strategic (the default, as kubectl), merge or json; `patch` is literal and touches no identity."""
    wrong = unknown_arguments("patch", args, "type", "patch")
    kind, body = args.get("type", "strategic"), args.get("patch")
    if kind not in TYPES:
        return (*wrong, f"type is {kind!r}: it is strategic, merge or json")
    form = list if kind == "json" else dict
    if not isinstance(body, form) or not body:
        what = "a list of operations" if kind == "json" else "a mapping, as in {spec: {replicas: 3}}"
        return (*wrong, f"patch is missing: it is {what}" if body is None else f"patch is {body!r:.60}: it is {what}")
    if any("{{" in text for text in _texts(body)):
        wrong = (*wrong, "patch has a template in it: a patch is literal, nothing is filled in")
    mistakes = _wrong_operations(body) if isinstance(body, list) else _wrong_fields(body, kind)
    return (*wrong, *(f"patch: {each}" for each in (*mistakes, *_secrets(body))))


def plan(order: Order) -> Planned:
    """The patch as it stands, with its precondition; refused where it changes nothing or cannot be done.

    Custom resources know no strategic patches: theirs are merge patches where no type is written.
    """
    usual = "merge" if is_custom(order.target.kind) else "strategic"
    kind, body = order.args.get("type", usual), order.args["patch"]
    if kind == "json":
        return _operations(order, body)
    change = setting(order, _copied(body), f"patch {order.target}", TYPES[kind])
    return change or _nothing()


def effect(args: Json, target: Target, facts: Facts) -> Effect:
    """What it may take away: pods one by one where it touches a template, and labels or annotations nothing."""
    heads = {tuple(path[:2]) for path in _paths(args["patch"])}
    sets = {"fields"} | ({"template"} if ("spec", "template") in heads else set())
    sets |= {"replicas"} if ("spec", "replicas") in heads else set()
    if heads <= {("metadata", name) for name in OPEN}:
        return Effect(Disruption.NONE, frozenset(sets))
    if sets == {"fields", "template"}:
        return Effect(Disruption.ROLLING, frozenset(sets))
    disrupts = Disruption.PODS if target.namespace else Disruption.NODE
    return Effect(disrupts, frozenset(sets), leaves=_replicas(args["patch"]))


def _replicas(body: Any) -> int | None:
    """The number of replicas that a patch sets; None where it sets none."""
    if isinstance(body, list):
        found = [each.get("value") for each in body if each["op"] != "test" and each["path"] == "/spec/replicas"]
        value = found[-1] if found else None
    else:
        spec = body.get("spec")
        value = spec.get("replicas") if isinstance(spec, dict) else None
    return value if isinstance(value, int) else None


def _operations(order: Order, operations: list[Json]) -> Planned:
    """A JSON patch with the remediation's id; the precondition becomes `test`s in front of it."""
    live = order.snapshot.live
    try:
        fields = fields_patched(operations, live)
    except PointerError as error:
        return Refusal(f"the patch does not fit the object: {error}", "look at the object, and at the rule's patch")
    if not fields:
        return _nothing()
    notes = [] if live["metadata"].get("annotations") else [_adding({}, "metadata", "annotations")]
    body = [*operations, *notes, _adding(order.id, "metadata", "annotations", REMEDIATION)]
    if ("metadata", "annotations") in [field.path for field in fields]:
        return Refusal("the patch replaces all annotations", "write one operation for each annotation, or type: merge")
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        body,
        precondition_of(live),
        PatchType.JSON,
        prior=prior_of(fields),
        summary=f"patch {order.target}",
    )


def _nothing() -> Refusal:
    return Refusal("everything is as the patch would have it", "look for another cause")


def _adding(value: Any, *steps: str) -> Json:
    return {"op": "add", "path": pointer(*steps), "value": value}


def _secrets(body: Any) -> Iterator[str]:
    """Rule files, and the journal that keeps them, hold no secrets."""
    if where := holds_secret(body):
        yield f"{where} looks like a secret: take it from a Secret (valueFrom.secretKeyRef)"


def _copied(body: Json) -> Json:
    """The body with its metadata copied, to which the remediation's id is added."""
    meta = body.get("metadata") or {}
    return {**body, "metadata": {**meta, "annotations": dict(meta.get("annotations") or {})}}


def _paths(body: Any) -> Iterator[list[str]]:
    """The first two members of every field that a patch touches."""
    if isinstance(body, list):
        yield from (steps_of(operation["path"]) for operation in body if operation["op"] != "test")
        return
    for name, value in body.items():
        inner = value if isinstance(value, dict) and value else {"": None}
        yield from ([name, each] for each in inner)


def _wrong_fields(body: Json, kind: str) -> Iterator[str]:
    for path in _paths(body):
        yield from _closed(path)
    notes = (body.get("metadata") or {}).get("annotations") if isinstance(body.get("metadata"), dict) else {}
    yield from (f"{name} is kept by the remediator" for name in notes or {} if str(name).startswith(OURS))
    if kind == "strategic":
        yield from _wrong_items(body)


def _wrong_operations(operations: list[Any]) -> Iterator[str]:
    for operation in operations:
        kind, path = (operation.get("op"), operation.get("path")) if isinstance(operation, dict) else (None, None)
        if kind not in OPERATIONS or not isinstance(path, str) or not path.startswith("/"):
            yield f"{operation!r:.60} is no operation: write {{op: {'|'.join(OPERATIONS)}, path: /spec/…, value: …}}"
            continue
        if kind != "remove" and "value" not in operation:
            yield f"{kind} {path} has no value"
        if kind != "test":
            yield from _closed([*steps_of(path), ""])
            if any(step.startswith(OURS) for step in steps_of(path)[2:]):
                yield f"{path} is kept by the remediator"


def _closed(path: list[str]) -> Iterator[str]:
    """Identity and status are not for a patch of a rule."""
    if path[0] in ("apiVersion", "kind", "status") or (path[0] == "metadata" and path[1] not in OPEN):
        yield f"{'.'.join(filter(None, path[:2]))} may not be touched: only labels and annotations of metadata may"


def _wrong_items(value: Any, name: str = "") -> Iterator[str]:
    """Directives of a strategic patch cannot be undone from the fields they name; items that merge need their key."""
    if isinstance(value, dict):
        for key, each in value.items():
            if str(key).startswith("$"):
                yield f"{key} is a directive: write type: json for what sets no field"
            yield from _wrong_items(each, str(key))
    elif isinstance(value, list):
        wanted = MERGE_KEYS.get(name)
        for each in value:
            if wanted and (not isinstance(each, dict) or wanted not in each):
                yield f"an item of {name} has no {wanted}, by which it would be known"
            yield from _wrong_items(each)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(key)
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


ACTION = Action(
    "patch",
    (),
    check,
    plan,
    restore,
    stands,
    effect=effect,
    names_kind=True,
    during_rollout=True,
    disrupts=Disruption.NODE,
    sets=frozenset({"fields"}),
    grants=PATCHES,
)
