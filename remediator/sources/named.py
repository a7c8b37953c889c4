"""From labels to the object that they name, before anything is read. Pure, and never a guess.

Where a scrape's own labels clash with those of a series, Prometheus renames the latter `exported_*`: the victim stands
there, and what is left under the plain name is the exporter.
"""

from __future__ import annotations

import ipaddress

from remediator.core.kinds import is_custom, resource
from remediator.core.model import Target, Value
from remediator.core.naming import INSTANCE, LABELS, OWNED, starts_of
from remediator.core.rules import TargetSpec

__all__ = ["INSTANCE", "LABELS", "OWNED", "Addressed", "Named", "Unresolved", "host_of", "named", "starts_of"]


class Unresolved(Value, frozen=True):
    """No target could be named, and why."""

    reason: str


class Named(Value, frozen=True):
    """An object by its name. `others` are what else the labels name, by kind: an object that is reached from a pod
    must agree with them.
    """

    target: Target
    others: dict[str, str] = {}


class Addressed(Value, frozen=True):
    """A node by its name or one of its addresses, without a port."""

    address: str


def named(spec: TargetSpec, labels: dict[str, str]) -> Named | Addressed | Unresolved:
    """What the labels name of the kind that a rule wants, or of one that leads there."""
    if spec.label:
        return _by_given_label(spec, labels)
    clash = _clash(labels)
    for kind in starts_of(spec.kind):
        label = LABELS.get(kind, "")
        exported = labels.get(f"exported_{label}")
        name = exported or ("" if clash and kind == "Pod" else labels.get(label))
        if label and name:
            return _placed(kind, name, spec, labels, {} if exported or kind != "Pod" else _others(labels))
    if spec.kind == "Node" and labels.get(INSTANCE) and not clash:
        return Addressed(host_of(labels[INSTANCE]))
    return Unresolved(_nothing_named(spec, labels, clash))


def _by_given_label(spec: TargetSpec, labels: dict[str, str]) -> Named | Addressed | Unresolved:
    """The object that the rule's own label names; nobody has to agree with it."""
    kind = next((kind for kind, name in LABELS.items() if spec.label == name), spec.kind)
    name = labels.get(f"exported_{spec.label}") or labels.get(spec.label, "")
    if not name:
        return Unresolved(f"the alert has no label {spec.label!r}")
    if not kind:
        return Unresolved(
            f"the label {spec.label!r} does not say of which kind {name!r} is: set the rule's target.kind"
        )
    if kind == "Node" and spec.label != LABELS["Node"]:
        return Addressed(host_of(name))
    return _placed(kind, name, spec, labels, {})


def _placed(
    kind: str, name: str, spec: TargetSpec, labels: dict[str, str], others: dict[str, str]
) -> Named | Unresolved:
    """The named object in the namespace that the labels name."""
    if not resource(kind).namespaced:
        return Named(Target(kind, "", name), others)
    clash, plain = _clash(labels), labels.get(spec.namespace_label, "")
    of_exporter = bool(clash) and spec.namespace_label == "namespace"
    namespace = labels.get(f"exported_{spec.namespace_label}") or ("" if of_exporter else plain)
    if namespace:
        return Named(Target(kind, namespace, name), others)
    if is_custom(kind) and not plain:
        return Named(Target(kind, "", name), others)  # the API server knows whether it is in a namespace
    if plain:
        return Unresolved(
            f"the label {spec.namespace_label!r} is the exporter's, since the alert has {clash!r} and no "
            f"'exported_{spec.namespace_label}': it does not say where {kind} {name} is"
        )
    return Unresolved(f"the alert has no label {spec.namespace_label!r} to say where {kind} {name} is")


def _clash(labels: dict[str, str]) -> str:
    """A label that shows that the plain `pod` and `namespace` are the exporter's; empty where there is none."""
    return next((each for name in (*LABELS.values(), "namespace") if labels.get(each := f"exported_{name}")), "")


def _others(labels: dict[str, str]) -> dict[str, str]:
    """What the labels name beside a pod. A workload's own label, and one that was renamed, need nobody's word."""
    found = {kind: labels.get(name, "") for kind, name in LABELS.items() if kind != "Pod"}
    return {kind: name for kind, name in found.items() if name}


def _nothing_named(spec: TargetSpec, labels: dict[str, str], clash: str) -> str:
    kinds = starts_of(spec.kind) if spec.kind else ()
    tried = [LABELS[kind] for kind in kinds if kind in LABELS] or ([] if spec.kind else ["a well-known label"])
    tried += [INSTANCE] if spec.kind == "Node" else []
    listed = ", ".join(tried) or "there is none, set the rule's target.label"
    reason = f"the alert has none of the labels that name a {spec.kind or 'target'}: {listed}"
    exporter = next((name for name in ("pod", INSTANCE) if labels.get(name) and clash), "")
    return f"{reason} ({exporter!r} is the exporter's, since the alert has {clash!r})" if exporter else reason


def host_of(address: str) -> str:
    """An address without its port, an IP in its usual form: `[fd00::1]:9100` is `fd00::1`, `n1:9100` is `n1`."""
    host, _, port = address.rpartition(":")
    bare = host if host and port.isdigit() and (":" not in host or host.startswith("[")) else address
    bare = bare.removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return bare.lower()
