"""`rerun_job`: the same Job once more, as `kubectl replace --force`: deleted, then created anew under its name.

The new one is the old one's manifest without what the API server and the Job controller put there.
"""

from __future__ import annotations

from datetime import timedelta

from remediator.actions.action import (
    FENCE,
    REMEDIATION,
    Action,
    Disruption,
    Done,
    Order,
    Planned,
    Wait,
    deletion,
    no_arguments,
)
from remediator.core.grants import PATCHES, Grant
from remediator.core.hiding import LAST_APPLIED, holds_secret
from remediator.core.kinds import ref_of
from remediator.core.model import Change, Json, Precondition, Refusal, Verb, as_json
from remediator.core.readiness import condition

LASTS = 300.0
LOOK_AGAIN = timedelta(seconds=2)
GENERATED = frozenset(
    {"controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name"}
)
"""Labels that the API server gives a Job's template, so that its pods are no other Job's."""

LEFT_OUT = frozenset({LAST_APPLIED, REMEDIATION, FENCE})
"""Annotations that are not the new one's."""


def plan(order: Order) -> Planned:
    """The deletion, then the creation; refused while the Job runs still."""
    live = order.snapshot.live
    if not order.done:
        if not _is_finished(live):
            return Refusal("it has neither failed nor completed: it runs still", "end it first: delete_job")
        if where := holds_secret(manifest(live)):
            reason = f"its {where} looks like a secret, which the journal does not keep, and it is made anew from there"
            return Refusal(reason, "take it from a Secret (secretKeyRef), or run it again by hand")
        options = {"propagationPolicy": "Background"}
        deleted = deletion(ref_of(order.target), live, order.id, options)
        return Change(
            deleted.verb,
            deleted.ref,
            deleted.body,
            deleted.precondition,
            prior={"manifest": manifest(live)},
            summary=f"rerun {order.target}: delete it first",
        )
    if order.snapshot.facts.uid == order.target.uid:
        return Wait("the Job is still going", order.snapshot.facts.taken_at + LOOK_AGAIN)
    if order.snapshot.facts.exists:
        return _created(order)
    return _creation(order)


def outlook(order: Order) -> tuple[str, ...]:
    """The writes that are left."""
    create = f"create {order.target} again"
    return (create,) if order.done else (f"delete {order.target}", create)


def manifest(live: Json) -> Json:
    """The Job as somebody would write it: without identity, status, and the selector that was made for it."""
    meta, spec = live["metadata"], as_json(live["spec"])
    if not spec.get("manualSelector"):
        spec.pop("selector", None)
        labels = spec["template"].get("metadata", {}).get("labels") or {}
        spec["template"].setdefault("metadata", {})["labels"] = _without(labels)
    kept = {name: meta[name] for name in ("name", "namespace", "ownerReferences") if meta.get(name)}
    kept["labels"] = _without(meta.get("labels") or {})
    if notes := {name: text for name, text in (meta.get("annotations") or {}).items() if name not in LEFT_OUT}:
        kept["annotations"] = notes
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": kept, "spec": spec}


def _creation(order: Order) -> Change:
    body = as_json(next(each.prior["manifest"] for each in order.done if "manifest" in each.prior))
    body["metadata"]["annotations"] = {**(body["metadata"].get("annotations") or {}), REMEDIATION: order.id}
    ref = ref_of(order.target)
    return Change(Verb.CREATE, ref, body, Precondition("", ""), summary=f"rerun {order.target}: create it again")


def _created(order: Order) -> Planned:
    """Whether the Job that stands there now is ours."""
    note = (order.snapshot.live["metadata"].get("annotations") or {}).get(REMEDIATION)
    if note in [each.intent for each in order.done]:
        return Done(f"{order.target} was created again")
    return Refusal("somebody else has created a Job of its name", "look whose it is")


def _is_finished(live: Json) -> bool:
    return any(condition(live, kind).get("status") == "True" for kind in ("Failed", "Complete"))


def _without(labels: Json) -> Json:
    return {name: value for name, value in labels.items() if name not in GENERATED}


ACTION = Action(
    "rerun_job",
    ("Job",),
    no_arguments,
    plan,
    lasts=lambda args: LASTS,
    outlook=outlook,
    outlives=True,
    disrupts=Disruption.NONE,
    grants=(Grant("delete"), Grant("create"), *PATCHES),
)
