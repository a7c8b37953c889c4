"""PromQL in rule files, looked at before any server is asked: what no Prometheus would take is a mistake.

The parser is older than the newest servers: what it refuses but for syntax that it does not know is let through.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import re2

from remediator.core.model import Value

NEWER = re.compile(
    r"""\[[^\]]*[-+*/%^()][^\]]*\]      # durations that are worked out: x[5m * 2]
    | \boffset\s*\(                      # and offsets
    | \b(?:anchored|smoothed)\b
    | </ | >/                            # trims of histograms
    | \d_\d                              # digits set apart
    | \b(?:holt_winters|double_exponential_smoothing)\s*\(
    """,
    re.VERBOSE,
)
"""Syntax that is valid for some Prometheus and not for the parser."""


def is_newer(query: str) -> bool:
    """Whether a query is in syntax that only a server can judge: newer than the parser, or older."""
    return isinstance(parse(query), ValueError) and NEWER.search(query) is not None


NO_SERIES = {
    "MatrixSelector": "it gives a range of values, not series with a value",
    "SubqueryExpr": "it gives a range of values, not series with a value",
    "StringLiteral": "it gives a text, not series with a value",
    "NumberLiteral": "it gives one number, not series with a value",
}


@functools.lru_cache(maxsize=1 << 14)
def parse(query: str) -> Any:
    """The syntax tree of a query, or the `ValueError` that tells why there is none; each is asked for several times."""
    import promql_parser

    try:
        return promql_parser.parse(query)
    except ValueError as error:
        return error.with_traceback(None)


def promql_mistake(query: str) -> str:
    """What is wrong with a query, on one line; empty where nothing is, or where only a server can tell."""
    parsed = parse(query)
    if isinstance(parsed, ValueError):
        return "" if NEWER.search(query) else " ".join(str(parsed).split())
    return NO_SERIES.get(type(parsed).__name__, "")


def metrics_of(query: str) -> frozenset[str]:
    """Names of the metrics that a query selects; none that are patterns, or in syntax that the parser lacks."""
    return frozenset(each.metric for each in selected(query) if each.metric)


class Selected(Value, frozen=True):
    """One selector of a query: the metric it names (empty where that is a pattern), and the labels that the series must
    have, since an empty value would not do.
    """

    metric: str
    labels: tuple[str, ...] = ()


def selected(query: str) -> tuple[Selected, ...]:
    """The selectors of a query, in their order; none in syntax that the parser lacks."""
    found: list[Selected] = []
    _walk(query, lambda node: found.append(Selected(metric_of(node), _must_have(node))), ("VectorSelector",))
    return tuple(found)


def grouped(query: str) -> tuple[str, ...]:
    """The labels by which a query aggregates (`by`) or joins (`on`), but for those that it makes itself."""
    named: list[str] = []
    made: list[str] = []

    def visit(node: Any) -> None:
        kind, modifier = type(node).__name__, getattr(node, "modifier", None)
        if kind == "AggregateExpr" and modifier is not None and str(modifier.type).endswith(".By"):
            named.extend(modifier.labels)
        elif kind == "BinaryExpr" and modifier is not None and str(modifier.matching).startswith("on"):
            named.extend(modifier.matching.labels)
        elif kind == "Call" and node.func.name in ("label_replace", "label_join"):
            made.append(node.args[1].val)
        elif kind == "AggregateExpr" and str(node.op) == "count_values":
            made.append(node.param.val)

    _walk(query, visit, ("AggregateExpr", "BinaryExpr", "Call"))
    return tuple(dict.fromkeys(each for each in named if each not in made))


def _walk(query: str, visit: Callable[[Any], None], kinds: tuple[str, ...]) -> None:
    import promql_parser

    parsed = parse(query)
    if not isinstance(parsed, ValueError):
        promql_parser.walk(parsed, lambda node: visit(node) if type(node).__name__ in kinds else None)


def _must_have(selector: Any) -> tuple[str, ...]:
    """The labels that a selector's series have for certain: what matches the empty value matches an absent label."""
    if selector.matchers.or_matchers:
        return ()
    needed = (each.name for each in selector.matchers.matchers if each.name != "__name__" and not _takes_none(each))
    return tuple(dict.fromkeys(needed))


def _takes_none(matcher: Any) -> bool:
    op, value = str(matcher.op).rpartition(".")[2], matcher.value
    if op == "Equal":
        return not value
    if op == "NotEqual":
        return bool(value)
    try:
        empty = bool(re2.fullmatch(value, ""))
    except re2.error:
        return True
    return empty if op == "Re" else not empty


def pinned(query: str, label: str) -> frozenset[str]:
    """The values that a label can have in the result, where every selector of the query says which one it must be;
    empty where it may be any.
    """
    import promql_parser

    parsed = parse(query)
    if isinstance(parsed, ValueError):
        return frozenset()
    found: list[frozenset[str]] = []
    promql_parser.walk(parsed, lambda node: found.extend(_values(node, label)))
    return frozenset().union(*found) if all(found) else frozenset()


MAKES_LABELS = frozenset({"label_replace", "label_join", "info", "count_values"})
"""Functions and aggregations after which a label may have a value that no selector gave it."""


def _values(node: Any, label: str) -> list[frozenset[str]]:
    """What a node says of a label's values: nothing, one value, or (an empty set) that it may be any."""
    kind = type(node).__name__
    if kind == "VectorSelector":
        said = [each.value for each in node.matchers.matchers if each.name == label and str(each.op).endswith(".Equal")]
        return [frozenset(said[:1]) if said and not node.matchers.or_matchers else frozenset()]
    made = node.func.name if kind == "Call" else str(node.op) if kind == "AggregateExpr" else ""
    return [frozenset()] if made in MAKES_LABELS else []


def metric_of(selector: Any) -> str:
    """The name that a selector writes, in front of the braces or, where it is UTF-8, inside of them; else empty."""
    inside = (
        each.value for each in selector.matchers.matchers if each.name == "__name__" and str(each.op).endswith(".Equal")
    )
    return selector.name or next(inside, "")
