"""`rollback`: back to an earlier pod template, exactly what `kubectl rollout undo` leaves behind.

kubectl (polymorphichelpers/rollback.go) replaces the pod template by that of the ReplicaSet, without the label
`pod-template-hash`, or of the ControllerRevision; of a Deployment it takes the ReplicaSet's annotations over
(change-cause among them) but for those that belong to the Deployment itself. The controller then numbers it anew.
"""

from __future__ import annotations

import msgspec

from remediator.actions.action import (
    Action,
    Disruption,
    Order,
    Planned,
    UndoOrder,
    annotated,
    precondition_of,
)
from remediator.actions.setting import contended, prior_of
from remediator.core.events import Intent
from remediator.core.fields import Field, fields_set, is_ours
from remediator.core.grants import PATCHES
from remediator.core.hiding import digest, holds_secret
from remediator.core.histories import (
    EARLIER,
    REVISION,
    Revision,
    is_proven,
    rolled_out_since,
    template_of,
)
from remediator.core.kinds import WORKLOADS, ref_of
from remediator.core.model import Change, Json, PatchType, Refusal, Verb

OWN_ANNOTATIONS = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        EARLIER,
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
        "deprecated.deployment.rollback.to",
    }
)
"""Annotations of a Deployment that a roll-back leaves as they are; beside them all of `remediator.io/`."""

OURS = "remediator.io/"


def check(args: Json) -> tuple[str, ...]:
    """`to_revision` is a whole number above 0."""
    wrong = [f"unknown argument {name!r}: rollback takes to_revision" for name in args if name != "to_revision"]
    revision = args.get("to_revision", 1)
    if not isinstance(revision, int) or isinstance(revision, bool) or revision < 1:
        wrong.append(f"to_revision is {revision!r}: it is a revision's number, 1 or above")
    return tuple(wrong)


def plan(order: Order) -> Planned:
    """A patch of the pod template to that of an earlier revision; refused where none is known to be good."""
    snapshot = order.snapshot
    if snapshot.live["spec"].get("paused"):
        return Refusal("the roll-out is paused", "resume it: kubectl rollout resume")
    since = order.since
    made = next((each.created_at for each in snapshot.revisions if each.number == snapshot.facts.revision), None)
    at_work = rolled_out_since(snapshot.live, made, since) if since is not None else ""
    if at_work:
        remedy = "look whether it helps before undoing it"
        return Refusal(f"{at_work} after the alert began: somebody is at work", remedy)
    chosen = _choose(order, order.args.get("to_revision"))
    return chosen if isinstance(chosen, Refusal) else _to(chosen, order)


def undo(order: UndoOrder) -> Change | Refusal:
    """Back to the revision that the roll-back left; contended where somebody has changed the template since.

    Annotations that the roll-back set or took away become again what they were, but for those that somebody else
    has changed since.
    """
    snapshot, prior = order.snapshot, order.intent.prior
    fields = msgspec.convert(prior["fields"], tuple[Field, ...])
    changed = not _is(template_of(snapshot.live), prior["becomes"])
    has_books = bool(snapshot.live["metadata"].get("managedFields"))
    if changed or (has_books and not all(is_ours(snapshot.live, each) for each in fields)):
        return contended("the pod template")
    left = _found(prior["template"], snapshot.revisions)
    if left is None:
        reason = f"the template of revision {prior['revision']} is not in the history any more"
        return Refusal(reason, "it holds what looks like a secret, so the journal has no copy: roll back by hand")
    body: Json = {"spec": {"template": _replacing(left)}}
    if annotations := _annotations_before(order):
        body["metadata"] = {"annotations": annotations}
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated(body, order.id),
        precondition_of(snapshot.live),
        PatchType.STRATEGIC,
        summary=f"undo the roll-back of {order.target}: back to the template of revision {prior['revision']}",
    )


def _choose(order: Order, wanted: int | None) -> Revision | Refusal:
    """The revision of that number; without one the newest earlier that is proven good."""
    revisions, live = order.snapshot.revisions, order.snapshot.live
    if wanted is not None:
        found = [each for each in revisions if each.number == wanted]
        return found[0] if found else Refusal(f"revision {wanted} is not in the history any more", _offer(revisions))
    current = order.snapshot.facts.revision
    earlier = [each for each in revisions if each.number < current]
    if not earlier:
        return Refusal(
            f"no earlier revision to go back to: revision {current} is the only one in the history",
            "fix the image or the template by hand",
        )
    proven = [each for each in earlier if is_proven(each, revisions, live, order.good)]
    return (
        proven[-1] if proven else Refusal("no earlier revision is known to have been fully available", _offer(earlier))
    )


def _offer(revisions: tuple[Revision, ...] | list[Revision]) -> str:
    numbers = ", ".join(str(each.number) for each in revisions)
    return f"name the one to go back to, as in rollback: {{to_revision: N}}; the history has {numbers or 'none'}"


def _to(revision: Revision, order: Order) -> Planned:
    live, target, before = order.snapshot.live, order.target, template_of(order.snapshot.live)
    if revision.template == before:
        return Refusal(f"the template of revision {revision.number} is what runs already", "look for another cause")
    current = order.snapshot.facts.revision
    body: Json = {"spec": {"template": _replacing(revision.template)}}
    annotations = _annotations(live, revision) if target.kind == "Deployment" else {}
    if annotations:
        body["metadata"] = {"annotations": dict(annotations)}
    have = live["metadata"].get("annotations") or {}
    fields = fields_set({"spec": {"template": revision.template}}, live, by_key=True)
    return Change(
        Verb.PATCH,
        ref_of(target),
        annotated(body, order.id),
        precondition_of(live),
        PatchType.STRATEGIC,
        prior={
            "revision": current,
            "template": _kept(before),
            "becomes": _kept(revision.template),
            "annotations": {
                name: [have.get(name), value]
                for name, value in annotations.items()
                if not holds_secret({name: [have.get(name), value]})
            },
            **prior_of(fields),
        },
        summary=f"roll {target} back from revision {current} to {revision.number}",
    )


def _kept(template: Json) -> Json:
    """A template as the journal keeps it: as it is, or, where something in it looks like a secret, what it is known by.

    The cluster's own history has it in full.
    """
    return {"digest": digest(template)} if holds_secret(template) else template


def _is(template: Json, kept: Json) -> bool:
    """Whether a template is the one that was kept."""
    return kept in (template, {"digest": digest(template)})


def _found(kept: Json, revisions: tuple[Revision, ...]) -> Json | None:
    """A template that was kept, in full; None where only the history had it, and has it no more."""
    if "digest" not in kept:
        return kept
    return next((each.template for each in revisions if _is(each.template, kept)), None)


def _replacing(template: Json) -> Json:
    """The template as a strategic merge patch that replaces rather than merges."""
    return {**template, "$patch": "replace"}


def _annotations(live: Json, revision: Revision) -> Json:
    """What kubectl leaves: the revision's annotations, the Deployment's own kept, all others gone."""
    have = live["metadata"].get("annotations") or {}
    want = {k: v for k, v in revision.annotations.items() if not _stays(k)}
    gone = {name: None for name in have if not _stays(name) and name not in want}
    return {**gone, **want}


def _stays(annotation: str) -> bool:
    return annotation in OWN_ANNOTATIONS or annotation.startswith(OURS)


def _annotations_before(order: UndoOrder) -> Json:
    """What the roll-back changed and nobody since, as it was."""
    now = order.snapshot.live["metadata"].get("annotations") or {}
    changed = order.intent.prior.get("annotations") or {}
    return {name: was for name, (was, becomes) in changed.items() if now.get(name) == becomes}


def kept(intent: Intent, live: Json) -> bool:
    """Whether nobody has put back the template that was left; admission may have made ours another one."""
    return not _is(template_of(live), intent.prior["template"])


ACTION = Action(
    "rollback",
    WORKLOADS,
    check,
    plan,
    undo,
    kept,
    during_rollout=True,
    reads_revisions=True,
    disrupts=Disruption.ROLLING,
    sets=frozenset({"template"}),
    grants=PATCHES,
)
