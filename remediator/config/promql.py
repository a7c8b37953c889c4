"""PromQL in rule files, looked at before any server is asked: what no Prometheus would take is a mistake.

The parser is older than the newest servers: what it refuses but for syntax that it does not know is let through.
"""

from __future__ import annotations

import functools
import re
from typing import Any

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


@functools.lru_cache(maxsize=4096)
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
    import promql_parser

    parsed = parse(query)
    if isinstance(parsed, ValueError):
        return frozenset()
    names: set[str] = set()
    promql_parser.walk(parsed, lambda node: names.update(_names(node)))
    return frozenset(names)


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


def _names(node: Any) -> list[str]:
    """The names that a selector writes, in front of the braces or, where they are UTF-8, inside of them."""
    if type(node).__name__ != "VectorSelector":
        return []
    inside = [
        each.value for each in node.matchers.matchers if each.name == "__name__" and str(each.op).endswith(".Equal")
    ]
    return [node.name] if node.name else inside
