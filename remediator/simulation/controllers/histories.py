"""ControllerRevisions of StatefulSets and DaemonSets: what `kubectl rollout undo` goes back to.

After pkg/controller/history: a template that was there before gets the newest number instead of a second entry.
"""

from __future__ import annotations

from remediator.core.model import Json
from remediator.simulation.controllers.revisions import template_hash
from remediator.simulation.system import System
from remediator.simulation.values import annotations_of, copied, labels_of, owner_reference

HASH_LABEL = "controller.kubernetes.io/hash"


def current_revision(system: System, owner: Json) -> Json:
    """The revision of the owner's present template, created or renumbered where it has to be."""
    known = revisions(system, owner)
    data = template_patch(owner)
    newest = known[-1]["revision"] if known else 0
    same = [item for item in known if item["data"] == data]
    if not same:
        return system.create(_revision(owner, data, newest + 1))
    found = same[-1]
    return found if found["revision"] == newest else system.server.update({**found, "revision": newest + 1})


def revisions(system: System, owner: Json) -> list[Json]:
    """All revisions of a workload, the newest last."""
    owned = system.store.owned(owner["metadata"]["uid"], "ControllerRevision")
    return sorted(owned, key=lambda item: (item["revision"], item["metadata"]["name"]))


def template_patch(owner: Json) -> Json:
    """The pod template as the strategic merge patch that a ControllerRevision holds."""
    return {"spec": {"template": {**copied(owner["spec"]["template"]), "$patch": "replace"}}}


def template_of(revision: Json) -> Json:
    """The pod template that a revision holds."""
    return {key: value for key, value in revision["data"]["spec"]["template"].items() if key != "$patch"}


def hash_of(revision: Json) -> str:
    """The hash at the end of its name."""
    return revision["metadata"]["name"].rpartition("-")[2]


def trim(system: System, owner: Json, used: set[str]) -> None:
    """Delete the oldest revisions beyond `revisionHistoryLimit` that no pod uses."""
    unused = [item for item in revisions(system, owner) if item["metadata"]["name"] not in used]
    for item in unused[: max(len(unused) - owner["spec"]["revisionHistoryLimit"], 0)]:
        system.delete(item)


def _revision(owner: Json, data: Json, number: int) -> Json:
    digest = template_hash(owner["spec"]["template"])
    label = "controller-revision-hash" if owner["kind"] == "DaemonSet" else HASH_LABEL
    metadata = {
        "name": f"{owner['metadata']['name']}-{digest}",
        "namespace": owner["metadata"]["namespace"],
        "labels": {**labels_of(owner["spec"]["template"]), label: digest},
        "ownerReferences": [owner_reference(owner)],
    }
    if annotations := annotations_of(owner):
        metadata["annotations"] = dict(annotations)
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "data": data,
        "revision": number,
    }
