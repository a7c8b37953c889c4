"""PromQL in rule files, looked at before any server is asked: what no Prometheus would take is a mistake.

The parser is older than the newest servers: what it refuses but for syntax that it does not know is let through.
"""

from __future__ import annotations

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

NO_SERIES = {
    "MatrixSelector": "it gives a range of values, not series with a value",
    "SubqueryExpr": "it gives a range of values, not series with a value",
    "StringLiteral": "it gives a text, not series with a value",
    "NumberLiteral": "it gives one number, not series with a value",
}


def promql_mistake(query: str) -> str:
    """What is wrong with a query, on one line; empty where nothing is, or where only a server can tell."""
    import promql_parser

    try:
        parsed = promql_parser.parse(query)
    except ValueError as error:
        return "" if NEWER.search(query) else " ".join(str(error).split())
    return NO_SERIES.get(type(parsed).__name__, "")


def metrics_of(query: str) -> frozenset[str]:
    """Names of the metrics that a query selects; none that are patterns, or in syntax that the parser lacks."""
    import promql_parser

    try:
        parsed = promql_parser.parse(query)
    except ValueError:
        return frozenset()
    names: set[str] = set()
    promql_parser.walk(parsed, lambda node: names.update(_names(node)))
    return frozenset(names)


def _names(node: Any) -> list[str]:
    """The names that a selector writes, in front of the braces or, where they are UTF-8, inside of them."""
    if type(node).__name__ != "VectorSelector":
        return []
    inside = [
        each.value for each in node.matchers.matchers if each.name == "__name__" and str(each.op).endswith(".Equal")
    ]
    return [node.name] if node.name else inside
