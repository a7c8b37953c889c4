"""Which labels the series of a query's result can have, told from its text: an upper bound, or that it may be any."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from remediator.config.promql import parse

Labels = frozenset[str] | None
"""At most these; None where it may be any."""

NONE: frozenset[str] = frozenset()
SELECTS = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})
"""Aggregations that answer series of their operand as they are."""


def labels_of(query: str) -> Labels:
    """The labels that the result can have; any of a query that does not parse."""
    parsed = parse(query)
    return None if isinstance(parsed, ValueError) else _of(parsed)


def _of(node: Any) -> Labels:
    match type(node).__name__:
        case "ParenExpr" | "UnaryExpr" | "SubqueryExpr":
            return _of(node.expr)
        case "AggregateExpr":
            return _aggregated(node)
        case "BinaryExpr":
            return _joined(node)
        case "Call":
            return _called(node)
        case "NumberLiteral" | "StringLiteral":
            return NONE
        case _:
            return None


def _aggregated(node: Any) -> Labels:
    op, inner = str(node.op), _of(node.expr)
    if op in SELECTS:
        return inner
    made = frozenset({node.param.val}) if op == "count_values" else NONE
    if node.modifier is None:
        return made
    named = frozenset(node.modifier.labels)
    if str(node.modifier.type).endswith(".By"):
        return made | (named if inner is None else named & inner)
    return None if inner is None else made | inner - named


def _called(node: Any) -> Labels:
    name = node.func.name
    if name == "info":
        return None
    if name in ("absent", "absent_over_time"):  # the labels of its equality matchers
        return None
    found = _union(_of(each) for each in node.args)
    made = node.args[1].val if name in ("label_replace", "label_join") else ""
    return found if found is None or not made else found | {made}


def _joined(node: Any) -> Labels:
    left, right, op = _of(node.lhs), _of(node.rhs), str(node.op)
    if op in ("and", "unless") or _is_scalar(node.rhs):
        return left
    if op == "or" or _is_scalar(node.lhs) or node.modifier is None:
        return _union((left, right)) if op == "or" or not _is_scalar(node.lhs) else right
    lent = frozenset(node.modifier.group_labels or ())
    many = str(node.modifier.card)
    base = right if many.endswith("OneToMany") else left
    return None if base is None else base | lent


def _union(found: Iterable[Labels]) -> Labels:
    known = list(found)
    return None if None in known else NONE.union(*(each for each in known if each is not None))


def _is_scalar(node: Any) -> bool:
    kind = type(node).__name__
    if kind in ("ParenExpr", "UnaryExpr"):
        return _is_scalar(node.expr)
    if kind == "BinaryExpr":
        return _is_scalar(node.lhs) and _is_scalar(node.rhs)
    return kind == "NumberLiteral" or (kind == "Call" and node.func.name in ("scalar", "time", "pi"))
