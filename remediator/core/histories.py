"""A workload's roll-out history, read alike from ReplicaSets and ControllerRevisions, and what is proven of it.

Kubernetes keeps no record of which revision once was fully available. What can be told is told here; the rest is
unknown, and unknown proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from remediator.core.fields import MANAGER, changed_since
from remediator.core.memory import Good
from remediator.core.model import Json, Value
from remediator.core.readiness import condition
from remediator.core.strategies import spare

REVISION = "deployment.kubernetes.io/revision"
"""Annotation with a roll-out's number on Deployments and their ReplicaSets."""

EARLIER = "deployment.kubernetes.io/revision-history"
"""Annotation of a ReplicaSet with the numbers that it had before it was rolled out again."""

TEMPLATE = ("spec", "template")
OF_SET, OF_POD = "pod-template-hash", "controller-revision-hash"


class Revision(Value, frozen=True):
    """One entry of a history: its number and those it had `earlier`, the pod template as the workload itself holds it.

    `pods` are those that are there now, `available` of them take their share. `completed` says that its controller
    marks the roll-out to it as complete (`status.currentRevision` of a StatefulSet).
    """

    number: int
    template: Json
    name: str = ""
    annotations: dict[str, str] = {}
    earlier: tuple[int, ...] = ()
    created_at: datetime | None = None
    pods: int = 0
    available: int = 0
    completed: bool = False


def revision_of(obj: Json) -> int:
    """The roll-out's number of a Deployment, ReplicaSet or ControllerRevision; 0 where there is none."""
    if obj.get("kind") == "ControllerRevision" or "revision" in obj:
        return int(obj.get("revision") or 0)
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def template_of(obj: Json) -> Json:
    """An object's pod template as a workload holds it: without the label that a ReplicaSet adds."""
    template = {name: value for name, value in obj["spec"]["template"].items() if name != "$patch"}
    meta = dict(template.get("metadata") or {})
    meta["labels"] = {name: value for name, value in (meta.get("labels") or {}).items() if name != OF_SET}
    meta.pop("creationTimestamp", None)
    return {**template, "metadata": meta}


def history(live: Json, kept: Iterable[Json], pods: Iterable[Json] = ()) -> tuple[Revision, ...]:
    """The revisions of a live workload, the newest last, from its ReplicaSets, or its ControllerRevisions and pods.

    What another workload owns and what has no number is left out.
    """
    uid = live["metadata"]["uid"]
    own = [each for each in kept if _is_owned(each, uid) and revision_of(each) > 0]
    if live["kind"] == "Deployment":
        found = (_of_set(each) for each in own)
    else:
        owned = [pod for pod in pods if _is_owned(pod, uid)]
        found = (_of_controller(live, each, owned) for each in own)
    return tuple(sorted(found, key=lambda each: (each.number, each.name)))


def present(live: Json, revisions: Sequence[Revision]) -> int:
    """The number of the revision that the workload is at; 0 where that is not known."""
    if not revisions or live["kind"] == "Deployment":
        return revision_of(live)
    template = template_of(live)
    same = [each.number for each in revisions if each.template == template]
    return max(same, default=0)


def is_proven(revision: Revision, revisions: Sequence[Revision], live: Json, good: Sequence[Good]) -> bool:
    """Whether a revision is known to have been fully available once: by the journal, its controller, or its pods.

    The journal: a look at this very workload found it rolled out and ready at this revision. Its controller: a
    StatefulSet's `status.currentRevision` moves to a revision when all its pods are ready; the first one is named there
    from the beginning and proves nothing. Its pods: it had taken over from all older ones (which have none left), and
    serves: no more of its pods are unavailable than the workload may lack at any time.
    """
    numbers = {revision.number, *revision.earlier}
    if any(each.uid == live["metadata"]["uid"] and each.revision in numbers for each in good):
        return True
    if revision.completed and revision.number > 1:
        return True
    older = any(each.pods for each in revisions if each.number < revision.number)
    lacking = revision.pods - revision.available
    return revision.available > 0 and not older and lacking <= spare(live)


def rolled_out_since(live: Json, made: datetime | None, since: datetime) -> str:
    """What shows that somebody else has rolled this workload out after an instant; empty where nothing does.

    By the books of the object, who changed the template; by when its present revision was `made`; and by
    the condition Progressing, which turns true when a roll-out that was given up goes on. Books count whole seconds.
    """
    who = changed_since(live, TEMPLATE, since)
    if others := sorted(who - {MANAGER}):
        return f"{', '.join(others)} changed the pod template"
    if who:
        return ""  # our own step before this one did
    if made is not None and made > since:
        return "the present revision was rolled out"
    progressing = condition(live, "Progressing")
    turned = progressing.get("lastTransitionTime") if progressing.get("status") == "True" else None
    return "the roll-out goes on again" if turned and datetime.fromisoformat(turned) > since else ""


def _of_set(replica_set: Json) -> Revision:
    meta, status = replica_set["metadata"], replica_set.get("status") or {}
    notes = meta.get("annotations") or {}
    earlier = tuple(int(each) for each in notes.get(EARLIER, "").split(",") if each.strip().isdigit())
    return Revision(
        revision_of(replica_set),
        template_of(replica_set),
        meta["name"],
        notes,
        earlier,
        _instant(meta),
        status.get("replicas", 0),
        status.get("availableReplicas", 0),
    )


def _of_controller(live: Json, revision: Json, pods: Sequence[Json]) -> Revision:
    meta = revision["metadata"]
    mark = meta["name"] if live["kind"] == "StatefulSet" else (meta.get("labels") or {}).get(OF_POD)
    own = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(OF_POD) == mark]
    ready = [pod for pod in own if condition(pod, "Ready").get("status") == "True"]
    current = (live.get("status") or {}).get("currentRevision")
    return Revision(
        revision_of(revision),
        template_of(revision["data"]),
        meta["name"],
        meta.get("annotations") or {},
        created_at=_instant(meta),
        pods=len(own),
        available=len(ready),
        completed=live["kind"] == "StatefulSet" and current == meta["name"],
    )


def _instant(meta: Json) -> datetime | None:
    text = meta.get("creationTimestamp")
    return datetime.fromisoformat(text) if text else None


def _is_owned(obj: Json, uid: str) -> bool:
    return any(each.get("uid") == uid for each in obj["metadata"].get("ownerReferences") or ())
