"""Which namespaces a rule's own words confine it to: what it is granted follows from that, and whether it can act."""

from __future__ import annotations

import re

from remediator.config.promql import pinned
from remediator.core.rules import MatchOp, Rule

_NAMESPACE = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_NAMESPACES = re.compile(rf"\(?{_NAMESPACE}(?:\|{_NAMESPACE})*\)?")


def namespaces_of(rule: Rule) -> tuple[str, ...]:
    """The namespaces that all of a rule's targets are in; none where its signals do not confine them."""
    if rule.when.object:
        return (rule.when.object.namespace,) if rule.when.object.namespace else ()
    label = rule.target.label if rule.target.kind == "Namespace" else rule.target.namespace_label
    if rule.when.query:
        values = pinned(rule.when.query, label)
        return tuple(sorted(values)) if all(re.fullmatch(_NAMESPACE, each) for each in values) else ()
    said = {each.name: each for each in rule.when.alert if each.op in (MatchOp.EQUAL, MatchOp.REGEX)}
    matcher = said.get(f"exported_{label}") or said.get(label)
    if matcher is None or not _NAMESPACES.fullmatch(matcher.value):
        return ()
    names = matcher.value.strip("()").split("|")
    return tuple(sorted(set(names)))
