"""Whether pods find room on other nodes: requests against what is allocatable and not requested yet, taints, selectors.

A part of what the scheduler asks (NodeResourcesFit, TaintToleration, NodeAffinity, NodeUnschedulable). What else a pod
demands is named by `beyond`, so that nobody takes the answer for more than it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from remediator.core.model import Json
from remediator.core.quantities import quantity
from remediator.core.workload import condition

Amounts = dict[str, Fraction]

ENDED = ("Succeeded", "Failed")


def unplaced(pods: Sequence[Json], nodes: Sequence[Json], running: Sequence[Json]) -> tuple[Json, ...]:
    """Of some pods those that find no room on these nodes, where `running` pods take theirs.

    One after the other, the largest first, each on the first node that takes it: it may find no room for one where a
    cleverer order would, but never room that is not there.
    """
    free = {node["metadata"]["name"]: _free(node, running) for node in nodes}
    left: list[Json] = []
    for pod in sorted(pods, key=_size, reverse=True):
        wanted = requests(pod)
        place = next((node for node in nodes if _takes(node, pod, free[node["metadata"]["name"]], wanted)), None)
        if place is None:
            left.append(pod)
            continue
        here = free[place["metadata"]["name"]]
        for name, amount in wanted.items():
            here[name] = here.get(name, Fraction(0)) - amount
    return tuple(left)


def requests(pod: Json) -> Amounts:
    """What a pod requests in all, with its own place: the sum over containers and sidecars, or more where an init
    container wants more; and its overhead.
    """
    spec = pod["spec"]
    first = spec.get("initContainers") or ()
    beside = [each for each in first if each.get("restartPolicy") == "Always"]
    total = _sum(_of(each) for each in (*spec["containers"], *beside))
    for each in first:
        total = {name: max(total.get(name, Fraction(0)), amount) for name, amount in {**total, **_of(each)}.items()}
    overhead = {name: quantity(amount) for name, amount in (spec.get("overhead") or {}).items()}
    return _sum((total, overhead, {"pods": Fraction(1)}))


def beyond(pod: Json) -> tuple[str, ...]:
    """What a pod demands of its place that is not asked here."""
    spec, affinity = pod["spec"], pod["spec"].get("affinity") or {}
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    spreads = spec.get("topologySpreadConstraints") or ()
    demands = {
        "pod affinity": any(required in (affinity.get(name) or {}) for name in ("podAffinity", "podAntiAffinity")),
        "topology spread": any(each.get("whenUnsatisfiable") == "DoNotSchedule" for each in spreads),
        "volumes": any("persistentVolumeClaim" in each for each in spec.get("volumes") or ()),
        "host ports": any(port.get("hostPort") for each in spec["containers"] for port in each.get("ports") or ()),
        "resource claims": bool(spec.get("resourceClaims")),
    }
    return tuple(name for name, demanded in demands.items() if demanded)


def _takes(node: Json, pod: Json, free: Amounts, wanted: Amounts) -> bool:
    return _is_open(node, pod) and all(
        free.get(name, Fraction(0)) >= amount for name, amount in wanted.items() if amount
    )


def _is_open(node: Json, pod: Json) -> bool:
    """Whether the node's state and labels let the pod on it."""
    spec = node.get("spec") or {}
    if spec.get("unschedulable") or condition(node, "Ready").get("status") != "True":
        return False
    keeping = (each for each in spec.get("taints") or () if each["effect"] != "PreferNoSchedule")
    tolerations = pod["spec"].get("tolerations") or ()
    return all(any(_tolerates(each, taint) for each in tolerations) for taint in keeping) and _is_selected(node, pod)


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("key", "") not in ("", taint["key"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")


def _is_selected(node: Json, pod: Json) -> bool:
    labels = node["metadata"].get("labels") or {}
    exact = all(labels.get(name) == value for name, value in (pod["spec"].get("nodeSelector") or {}).items())
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    terms = (required or {}).get("nodeSelectorTerms") or ()
    return exact and (required is None or any(_matches(term, node, labels) for term in terms))


def _matches(term: Json, node: Json, labels: dict[str, str]) -> bool:
    fields = {"metadata.name": node["metadata"]["name"]}
    expressions, on_fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not on_fields:
        return False  # an empty term matches no object
    return all(_holds(each, labels) for each in expressions) and all(_holds(each, fields) for each in on_fields)


def _holds(expression: Json, labels: dict[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or ()
    return _OPERATORS[expression["operator"]](value, values)


def _compares(value: str | None, values: Sequence[str], sign: int) -> bool:
    return value is not None and value.lstrip("-").isdigit() and sign * (int(value) - int(values[0])) > 0


_OPERATORS: dict[str, Callable[[str | None, Sequence[str]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, values: value is not None,
    "DoesNotExist": lambda value, values: value is None,
    "Gt": lambda value, values: _compares(value, values, 1),
    "Lt": lambda value, values: _compares(value, values, -1),
}


def _free(node: Json, running: Sequence[Json]) -> Amounts:
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    free = {name: quantity(amount) for name, amount in allocatable.items()}
    for pod in running:
        here = pod["spec"].get("nodeName") == node["metadata"]["name"]
        if here and (pod.get("status") or {}).get("phase") not in ENDED:
            for name, amount in requests(pod).items():
                free[name] = free.get(name, Fraction(0)) - amount
    return free


def _of(container: Json) -> Amounts:
    resources = container.get("resources") or {}
    said = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return {name: quantity(amount) for name, amount in said.items()}


def _sum(amounts: Iterable[Amounts]) -> Amounts:
    total: Amounts = {}
    for each in amounts:
        for name, amount in each.items():
            total[name] = total.get(name, Fraction(0)) + amount
    return total


def _size(pod: Json) -> tuple[Fraction, Fraction, str]:
    wanted = requests(pod)
    return wanted.get("cpu", Fraction(0)), wanted.get("memory", Fraction(0)), pod["metadata"].get("name", "")
