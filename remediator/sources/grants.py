"""What an account has to be granted for what is read: to find a target, to look at it and around it, to diagnose it.

Each entry is beside the reader that asks: `targets`, `watched`, `looks`, `surroundings`, `diagnosis`.
"""

from __future__ import annotations

from collections.abc import Callable

from remediator.actions import ACTIONS
from remediator.core.grants import Grant, gets, lists
from remediator.core.kinds import KINDS, WORKLOADS, is_custom, resource
from remediator.core.model import Resource
from remediator.core.rules import Rule
from remediator.core.surroundings import Need
from remediator.sources.diagnosis import SERVICE, SLICE
from remediator.sources.disruptions import SCALED_OBJECT
from remediator.sources.histories import KIND_OF
from remediator.sources.named import LABELS, OWNED, starts_of
from remediator.sources.spoken import speaks

OWNERS = {
    "Pod": ("ReplicaSet", "StatefulSet", "DaemonSet", "Job"),
    "ReplicaSet": ("Deployment",),
    "Job": ("CronJob",),
}
"""The known kinds that control objects of a kind."""

SCALED = ("Deployment", "StatefulSet", "ReplicaSet")
"""What a HorizontalPodAutoscaler may lead to."""


def targets_of(rule: Rule) -> tuple[str, ...]:
    """The kinds that a rule's target may be of: the one it names, else all that its signals lead to."""
    wanted = rule.target.kind
    if wanted:
        return (wanted,)
    return tuple(sorted({kind for start in _starts(rule) for kind in _reach(start)}))


def finding(rule: Rule) -> tuple[Grant, ...]:
    """From the signal to the target: the objects that are watched, and the owners on the way."""
    wanted, starts = rule.target.kind, _starts(rule)
    spec = rule.when.object
    watched = tuple(Grant(verb, resource(spec.kind)) for verb in ("list", "watch")) if spec else ()
    addressed = not spec and wanted == "Node" and rule.target.label != LABELS["Node"]
    kinds = {kind for start in starts for kind in between(start, wanted)} | {spec.kind for spec in (spec,) if spec}
    read = tuple(Grant("get", resource(kind)) for kind in sorted(kinds))
    return (*watched, *(lists("Node") if addressed else ()), *read)


def looking(rule: Rule, kind: str) -> tuple[Grant, ...]:
    """The target itself, and what the rule's conditions and steps want to know beside it."""
    texts = (*rule.conditions, *(rule.until_of(step).check for step in range(len(rule.do))))
    found = [Grant("get", resource(kind))]
    if kind in WORKLOADS:
        if any(ACTIONS[step.action].reads_revisions for step in rule.do):
            found += lists(KIND_OF[kind]) if kind == "Deployment" else lists(KIND_OF[kind], "Pod")
        found += lists("Pod") if speaks(texts, "pods") else ()
        found += lists("HorizontalPodAutoscaler") if speaks(texts, "hpa") else ()
        found += lists("PodDisruptionBudget") if speaks(texts, "pdb") else ()
    if kind == "Node" and speaks(texts, "pods"):
        found += lists("Pod", everywhere=True)
    return tuple(found)


def proving(rule: Rule, step: int, kind: str) -> tuple[Grant, ...]:
    """Whether what was evicted from a node runs elsewhere. Of a DaemonSet's pods none is evicted."""
    if kind != "Node" or rule.do[step].action != "drain" or not rule.until_of(step).ready:
        return ()
    owners = (each for each in OWNERS["Pod"] if each != "DaemonSet")
    return (*lists("Pod", everywhere=True), *gets(*owners, everywhere=True))


def around(need: Need, kind: str) -> tuple[Grant, ...]:
    """What guards need to know around a target of a kind."""
    return AROUND[need](kind)


def diagnosing(kind: str) -> tuple[Grant, ...]:
    """How a target stands, for people: what is missing is named in the diagnosis and holds nothing back."""
    events = lists("Event", everywhere=not _is_namespaced(kind))
    if kind == "Node":
        return events
    pods = (*lists("Pod"), Grant("get", KINDS["Pod"], "log"), *gets("Node"))
    if kind not in WORKLOADS:
        return (*events, *pods)
    services = (Grant("list", SERVICE), Grant("list", SLICE))
    return (*events, *pods, *lists(KIND_OF[kind]), *services)


def between(start: str, wanted: str) -> frozenset[str]:
    """The kinds of the objects that are read from a start to the wanted kind; where none is wanted to all owners."""
    if not wanted:
        return _reach(start)
    if is_custom(wanted):
        return _reach(start) & {*OWNED, wanted} | {wanted}
    if start == "HorizontalPodAutoscaler" and wanted in SCALED:
        return frozenset({start, wanted})
    return frozenset(kind for kind in _reach(start) if wanted in _reach(kind))


def _starts(rule: Rule) -> tuple[str, ...]:
    """The kinds that a rule's signals name."""
    if rule.when.object:
        return (rule.when.object.kind,)
    if rule.target.label:
        named = next((kind for kind, label in LABELS.items() if label == rule.target.label), rule.target.kind)
        return (named,) if named else ()
    return starts_of(rule.target.kind)


def _reach(kind: str) -> frozenset[str]:
    """A kind and all that may own it."""
    return frozenset({kind}.union(*(_reach(owner) for owner in OWNERS.get(kind, ()))))


def _is_namespaced(kind: str) -> bool:
    return is_custom(kind) or resource(kind).namespaced


def _owners(kind: str) -> tuple[Grant, ...]:
    return gets(*sorted(_reach(kind) - {kind})) if not is_custom(kind) else ()


def _siblings(kind: str) -> tuple[Grant, ...]:
    if kind == "Pod":
        return (*lists("Pod"), *gets(*OWNERS["Pod"]))
    return lists(kind) if kind in ("Node", *WORKLOADS) else ()


def _budgets(kind: str) -> tuple[Grant, ...]:
    return lists("PodDisruptionBudget") if kind in ("Pod", *WORKLOADS) else ()


def _members(kind: str) -> tuple[Grant, ...]:
    return (*lists("Node"), *lists("Pod", "PodDisruptionBudget", everywhere=True))


def _capacity(kind: str) -> tuple[Grant, ...]:
    if kind != "Node":
        return (Grant("create", KINDS["Pod"]),)
    return (Grant("create", KINDS["Pod"], "", everywhere=True), *lists("Node", "Pod", "DaemonSet", everywhere=True))


def _autoscalers(kind: str) -> tuple[Grant, ...]:
    return (*lists("HorizontalPodAutoscaler"), Grant("list", SCALED_OBJECT))


def _nothing(kind: str) -> tuple[Grant, ...]:
    return ()


AROUND: dict[Need, Callable[[str], tuple[Grant, ...]]] = {
    Need.NAMESPACE: lambda kind: gets("Namespace"),
    Need.OWNERS: _owners,
    Need.SIBLINGS: _siblings,
    Need.AUTOSCALERS: _autoscalers,
    Need.DISRUPTION_BUDGETS: _budgets,
    Need.MEMBERS: _members,
    Need.SILENCES: _nothing,
    Need.CAPACITY: _capacity,
    Need.GATES: _nothing,
}
"""What is read for each need of a guard around a target of a kind."""


def plural_of(resource: Resource) -> str:
    """The plural in a rule of RBAC. A custom type's is guessed as Kubernetes guesses it, in apimachinery's
    `UnsafeGuessKindToResource`: only the API server knows.
    """
    if resource.plural:
        return resource.plural
    single = resource.kind.partition(".")[0].lower()
    if single.endswith("s"):
        return f"{single}es"
    return f"{single[:-1]}ies" if single.endswith("y") else f"{single}s"
