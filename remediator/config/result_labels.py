"""Which labels the series of a query's result can have, told from its text: an upper bound, or that it may be any."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from remediator.config.promql import metric_of, parse

Labels: TypeAlias = frozenset[str] | None
"""At most these; None where it may be any."""

NONE: frozenset[str] = frozenset()
SELECTS = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})
"""Aggregations that answer series of their operand as they are."""


def labels_of(query: str, known: Callable[[str], Labels] = lambda metric: None) -> Labels:
    """The labels that the result can have; any of a query that does not parse. `known` are those of a metric's series,
    where somebody can tell.
    """
    parsed = parse(query)
    return None if isinstance(parsed, ValueError) else _Bound(known).of(parsed)


class _Bound:
    """The upper bound of each kind of expression, from those of its parts."""

    def __init__(self, known: Callable[[str], Labels]) -> None:
        self._known = known

    def of(self, node: Any) -> Labels:
        match type(node).__name__:
            case "ParenExpr" | "UnaryExpr" | "SubqueryExpr":
                return self.of(node.expr)
            case "AggregateExpr":
                return self._aggregated(node)
            case "BinaryExpr":
                return self._joined(node)
            case "Call":
                return self._called(node)
            case "NumberLiteral" | "StringLiteral":
                return NONE
            case "MatrixSelector":
                return self._known(metric_of(node.vector_selector))
            case "VectorSelector":
                return self._known(metric_of(node))
            case _:
                return None

    def _aggregated(self, node: Any) -> Labels:
        op, inner = str(node.op), self.of(node.expr)
        if op in SELECTS:
            return inner
        made = frozenset({node.param.val}) if op == "count_values" else NONE
        if node.modifier is None:
            return made
        named = frozenset(node.modifier.labels)
        if str(node.modifier.type).endswith(".By"):
            return made | (named if inner is None else named & inner)
        return None if inner is None else made | inner - named

    def _called(self, node: Any) -> Labels:
        name = node.func.name
        if name == "info":
            return None
        if name in ("absent", "absent_over_time"):  # the labels of its equality matchers
            return None
        found = _union(self.of(each) for each in node.args)
        made = node.args[1].val if name in ("label_replace", "label_join") else ""
        return found if found is None or not made else found | {made}

    def _joined(self, node: Any) -> Labels:
        left, right, op = self.of(node.lhs), self.of(node.rhs), str(node.op)
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
