"""From an alert's labels to the owning workload or node, through the live owner chain. Never a guess.

The victim of a kube-state-metrics alert stands in `exported_*` labels where the exporter's own clash, so those are
tried first. What cannot be resolved is answered as `Unresolved` with the reason.
"""

from __future__ import annotations

from remediator.core.kinds import KINDS, ref_of
from remediator.core.model import Json, Target, Value
from remediator.core.rules import TargetSpec
from remediator.ports import Cluster, NotFound

LABELS = {
    "Deployment": ("deployment",),
    "StatefulSet": ("statefulset",),
    "DaemonSet": ("daemonset",),
    "Job": ("job_name",),
    "CronJob": ("cronjob",),
    "HorizontalPodAutoscaler": ("horizontalpodautoscaler",),
    "PersistentVolumeClaim": ("persistentvolumeclaim",),
    "Node": ("node",),
    "ReplicaSet": ("replicaset",),
    "Pod": ("pod",),
}
"""The well-known labels that name an object of each kind; each is tried with `exported_` before it first."""

LONGEST_CHAIN = 5
"""Owners followed at most; the longest real chain is Pod, Job, CronJob."""


class Unresolved(Value, frozen=True):
    """No target could be named, and why."""

    reason: str


async def resolve(cluster: Cluster, spec: TargetSpec, labels: dict[str, str]) -> Target | Unresolved:
    """The live target that the labels speak of, of the kind that the rule wants.

    Raises `ClusterError` where the API server cannot be asked: that is no answer and is tried again.
    """
    start = _named(spec, labels)
    if isinstance(start, Unresolved):
        return start
    try:
        return await _follow(cluster, start, spec.kind)
    except NotFound:
        return Unresolved(f"{start} does not exist")


def _named(spec: TargetSpec, labels: dict[str, str]) -> Target | Unresolved:
    """The object that the labels name, before its owners are followed."""
    if spec.label:
        kind = spec.kind or next((kind for kind, names in LABELS.items() if spec.label in names), "")
        return _at(kind, spec, labels, spec.label)
    for kind in _candidates(spec.kind):
        for label in (f"exported_{name}" if exported else name for name in LABELS[kind] for exported in (True, False)):
            if labels.get(label):
                return _at(kind, spec, labels, label)
    wanted = ", ".join(LABELS.get(spec.kind, ())) or "a well-known label"
    return Unresolved(f"the alert has none of the labels that name a {spec.kind or 'target'}: {wanted}, pod")


def _candidates(kind: str) -> tuple[str, ...]:
    """Kinds whose labels may lead to the wanted one: itself, then what it may own."""
    if not kind:
        return tuple(LABELS)
    owned = {"Deployment": ("ReplicaSet", "Pod"), "CronJob": ("Job", "Pod"), "Node": (), "Pod": ()}
    return (kind, *(each for each in owned.get(kind, ("Pod",)) if each != kind))


def _at(kind: str, spec: TargetSpec, labels: dict[str, str], label: str) -> Target | Unresolved:
    name = labels.get(label, "")
    if not kind or not name:
        return Unresolved(f"the alert has no label {label!r}")
    if not KINDS[kind].namespaced:
        return Target(kind, "", name)
    exported = labels.get(f"exported_{spec.namespace_label}")
    namespace = exported or labels.get(spec.namespace_label, "")
    if not namespace:
        return Unresolved(f"the alert has no label {spec.namespace_label!r} to say where {kind} {name} is")
    return Target(kind, namespace, name)


async def _follow(cluster: Cluster, start: Target, wanted: str) -> Target | Unresolved:
    """From the named object up its controllers to the wanted kind, or to the last known one where none is named."""
    seen = start
    for _ in range(LONGEST_CHAIN):
        live = await cluster.get(ref_of(seen))
        here = Target(seen.kind, seen.namespace, seen.name, live["metadata"]["uid"])
        if here.kind == wanted:
            return here
        owner = _controller(live)
        if owner is None or owner["kind"] not in KINDS:
            return here if not wanted else Unresolved(f"{start} is not owned by a {wanted}")
        seen = Target(owner["kind"], seen.namespace, owner["name"])
    return Unresolved(f"{start} has more than {LONGEST_CHAIN} owners in a row")


def _controller(live: Json) -> Json | None:
    owners = live["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)
