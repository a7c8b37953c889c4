"""From an alert's labels to the owning workload or node, through the live owner chain. Never a guess.

The victim of a kube-state-metrics alert stands in `exported_*` labels where the exporter's own clash, so those are
tried first. What cannot be resolved is answered as `Unresolved` with the reason.
"""

from __future__ import annotations

from remediator.core.kinds import KINDS, ref_of
from remediator.core.model import Json, Target, Value
from remediator.core.rules import TargetSpec
from remediator.core.workload import zone_of
from remediator.ports import Forbidden, Invalid, NotFound
from remediator.sources.reads import Reader

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


class Located(Value, frozen=True):
    """A live target; `zone` where it is a node that stands in one."""

    target: Target
    zone: str = ""


async def resolve(cluster: Reader, spec: TargetSpec, labels: dict[str, str]) -> Target | Unresolved:
    """The live target that the labels speak of, of the kind that the rule wants.

    See `locate`.
    """
    found = await locate(cluster, spec, labels)
    return found if isinstance(found, Unresolved) else found.target


async def locate(cluster: Reader, spec: TargetSpec, labels: dict[str, str]) -> Located | Unresolved:
    """As `resolve`, with the zone of a node.

    Raises `ClusterError` where the API server cannot be asked: that is no answer and is tried again. What the account
    may not read is an answer: one forbidden namespace must not keep the alerts about all others waiting.
    """
    start = _named(spec, labels)
    if isinstance(start, Unresolved):
        return start
    try:
        return await _follow(cluster, start, spec.kind)
    except NotFound as error:
        return Unresolved(f"{start} cannot be followed to a target: {error.message}")
    except (Forbidden, Invalid) as error:
        return Unresolved(f"{start} cannot be read: {error.message}")


def _named(spec: TargetSpec, labels: dict[str, str]) -> Target | Unresolved:
    """The object that the labels name, before its owners are followed."""
    if spec.label:
        kind = next((kind for kind, names in LABELS.items() if spec.label in names), spec.kind)
        return _at(kind, spec, labels, spec.label)
    for kind in _candidates(spec.kind):
        for label in (
            f"exported_{name}" if exported else name for name in LABELS.get(kind, ()) for exported in (True, False)
        ):
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
    if not name:
        return Unresolved(f"the alert has no label {label!r}")
    if not kind:
        return Unresolved(f"the label {label!r} does not say of which kind {name!r} is: set the rule's target.kind")
    if not KINDS[kind].namespaced:
        return Target(kind, "", name)
    exported = labels.get(f"exported_{spec.namespace_label}")
    namespace = exported or labels.get(spec.namespace_label, "")
    if not namespace:
        return Unresolved(f"the alert has no label {spec.namespace_label!r} to say where {kind} {name} is")
    return Target(kind, namespace, name)


async def _follow(cluster: Reader, start: Target, wanted: str) -> Located | Unresolved:
    """From the named object up its controllers to the wanted kind, or to the last known one where none is named."""
    seen = start
    for _ in range(LONGEST_CHAIN):
        live = await cluster.get(ref_of(seen))
        here = Target(seen.kind, seen.namespace, seen.name, live["metadata"]["uid"])
        if seen.uid not in ("", here.uid):
            return Unresolved(f"the owner of {start} is gone: {here} is another object of its name")
        if here.kind == wanted:
            return Located(here, zone_of(live))
        owner = controller_of(live)
        if owner is None:
            return Located(here, zone_of(live)) if not wanted else Unresolved(f"{start} is not owned by a {wanted}")
        seen = Target(owner["kind"], seen.namespace, owner["name"], owner["uid"])
    return Unresolved(f"{start} has more than {LONGEST_CHAIN} owners in a row")


def controller_of(live: Json) -> Json | None:
    """The owner that controls an object, where it is of a known type; a node owns the static pods on it in name only.

    The group is compared too: other projects have a StatefulSet, a DaemonSet or a Job of their own.
    """
    owners = live["metadata"].get("ownerReferences") or ()
    owner = next((owner for owner in owners if owner.get("controller")), None)
    if owner is None or owner["kind"] == "Node" or owner["kind"] not in KINDS:
        return None
    group = KINDS[owner["kind"]].api_version.rpartition("/")[0]
    return owner if owner["apiVersion"].rpartition("/")[0] == group else None
