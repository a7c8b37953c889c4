"""`rollback`: back to an earlier pod template, exactly what `kubectl rollout undo` leaves behind.

For a Deployment kubectl replaces the pod template by the ReplicaSet's, without the `pod-template-hash` label, and
takes the ReplicaSet's annotations over (change-cause among them) but for those that belong to the Deployment itself
(k8s.io/kubectl, polymorphichelpers/rollback.go). The Deployment controller then numbers the roll-out anew.
"""

from __future__ import annotations

from datetime import datetime

from remediator.actions.action import (
    Action,
    Disruption,
    Order,
    Planned,
    UndoOrder,
    annotated,
    precondition_of,
)
from remediator.core.events import Intent
from remediator.core.kinds import ref_of
from remediator.core.model import Change, Json, PatchType, Refusal, Target, Verb
from remediator.core.snapshot import Snapshot
from remediator.core.workload import REVISION, revision_of

OWN_ANNOTATIONS = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        "deployment.kubernetes.io/revision-history",
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
    """A patch of the pod template to that of an earlier revision; refused where there is none or nothing differs."""
    snapshot = order.snapshot
    if snapshot.live["spec"].get("paused"):
        return Refusal("the roll-out is paused", "resume it: kubectl rollout resume")
    if _is_newer(snapshot, order.since):
        return Refusal(
            f"revision {snapshot.facts.revision} was rolled out after the alert began: somebody is at work",
            "look whether it helps before undoing it",
        )
    chosen = _choose(snapshot, order.args.get("to_revision"))
    if isinstance(chosen, Refusal):
        return chosen
    return _to(chosen, snapshot, order.target, order.id)


def undo(order: UndoOrder) -> Change | Refusal:
    """Back to the revision that the roll-back left; refused where somebody has rolled out since.

    Annotations that the roll-back set or took away become again what they were, but for those that somebody else
    has changed since.
    """
    snapshot, prior = order.snapshot, order.intent.prior
    if _template(snapshot.live) != prior["becomes"]:
        return Refusal("the pod template was changed by somebody else since", "look who changed it before undoing")
    body: Json = {"spec": {"template": _replacing(prior["template"])}}
    body["metadata"] = {"annotations": _annotations_before(order)}
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated(body, order.id),
        precondition_of(snapshot.live),
        PatchType.STRATEGIC,
        summary=f"undo the roll-back of {order.target}: back to the template of revision {prior['revision']}",
    )


def _is_newer(snapshot: Snapshot, since: datetime | None) -> bool:
    """Whether the present revision was made after the evidence began: it cannot be what the evidence is about."""
    current = [each for each in snapshot.revisions if revision_of(each) == snapshot.facts.revision]
    made = current[0]["metadata"].get("creationTimestamp") if current else None
    return since is not None and made is not None and datetime.fromisoformat(made) > since


def _choose(snapshot: Snapshot, wanted: int | None) -> Json | Refusal:
    current = snapshot.facts.revision
    if wanted is not None:
        found = [each for each in snapshot.revisions if revision_of(each) == wanted]
        return found[0] if found else Refusal(f"revision {wanted} is not in the history any more")
    earlier = [each for each in snapshot.revisions if 0 < revision_of(each) < current]
    if not earlier:
        return Refusal(
            f"no earlier revision to go back to: revision {current} is the only one in the history",
            "fix the image or the template by hand",
        )
    # A revision that still has available replicas is proven good; otherwise the previous one is what kubectl takes.
    serving = [each for each in earlier if (each.get("status") or {}).get("availableReplicas", 0) > 0]
    return max(serving or earlier, key=revision_of)


def _to(revision: Json, snapshot: Snapshot, target: Target, order_id: str) -> Planned:
    live, number = snapshot.live, revision_of(revision)
    template, present = _template(revision), _template(live)
    if template == present:
        return Refusal(f"the template of revision {number} is what runs already", "look for another cause")
    body: Json = {"spec": {"template": _replacing(template)}}
    annotations = _annotations(live, revision)
    body["metadata"] = {"annotations": dict(annotations)}
    have = live["metadata"].get("annotations") or {}
    return Change(
        Verb.PATCH,
        ref_of(target),
        annotated(body, order_id),
        precondition_of(live),
        PatchType.STRATEGIC,
        prior={
            "revision": snapshot.facts.revision,
            "template": present,
            "becomes": template,
            "annotations": {name: [have.get(name), value] for name, value in annotations.items()},
        },
        summary=f"roll {target} back from revision {snapshot.facts.revision} to {number}",
    )


def _template(obj: Json) -> Json:
    """An object's pod template as a Deployment holds it: without the label that its ReplicaSet adds."""
    template = obj["spec"]["template"]
    meta = dict(template.get("metadata") or {})
    labels = {k: v for k, v in (meta.get("labels") or {}).items() if k != "pod-template-hash"}
    meta["labels"] = labels
    meta.pop("creationTimestamp", None)
    return {**template, "metadata": meta}


def _replacing(template: Json) -> Json:
    """The template as a strategic merge patch that replaces rather than merges."""
    return {**template, "$patch": "replace"}


def _annotations(live: Json, revision: Json) -> Json:
    """What kubectl leaves: the revision's annotations, the Deployment's own kept, all others gone."""
    have = live["metadata"].get("annotations") or {}
    want = {k: v for k, v in (revision["metadata"].get("annotations") or {}).items() if not _stays(k)}
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
    return _template(live) != intent.prior["template"]


ACTION = Action(
    "rollback",
    ("Deployment",),
    check,
    plan,
    undo,
    kept,
    during_rollout=True,
    reads_revisions=True,
    disrupts=Disruption.ROLLING,
    sets=frozenset({"template"}),
)
