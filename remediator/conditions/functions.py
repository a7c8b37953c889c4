"""The functions that conditions have beside CEL's own: `quantity()` and `ready()`.

A function that raises makes the condition unknown, never false.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from cel_expr_python import cel

from remediator.core.workload import condition, facts_of

_QUANTITY = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?[0-9]{1,3}))?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_ROLLED_OUT = ("Deployment", "StatefulSet", "DaemonSet", "Node")
_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def quantity(text: str) -> float:
    """A Kubernetes quantity (`500m`, `1.5Gi`, `1e3`) as a number of its base unit; exact up to 2^53."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a quantity, as 500m or 1.5Gi are")
    number, suffix, exponent = match.groups()
    if suffix in _BINARY:
        return float(number) * 1024.0 ** (_BINARY.index(suffix) + 1)
    return float(f"{number}e{exponent or _DECIMAL.get(suffix, 0)}")


def ready(live: dict[str, Any]) -> bool:
    """Whether a live object is ready: rolled out as `kubectl rollout status` says, or its condition Ready is True."""
    if live.get("kind") in _ROLLED_OUT:
        return facts_of(live, _ANY_TIME).healthy
    stated = condition(live, "Ready").get("status")
    if stated is None:
        raise ValueError(f"a {live.get('kind') or 'thing'} does not say whether it is ready")
    return stated == "True"


def _overload(name: str, of: str, takes: Any, gives: Any, impl: Any) -> Any:
    return cel.Overload(f"{name}_{of}", gives, [takes], impl=impl)


_TYPE = cel.Type
FUNCTIONS = [
    cel.FunctionDecl(
        "quantity",
        [
            _overload("quantity", "string", _TYPE.STRING, _TYPE.DOUBLE, quantity),
            _overload("quantity", "int", _TYPE.INT, _TYPE.DOUBLE, float),
            _overload("quantity", "double", _TYPE.DOUBLE, _TYPE.DOUBLE, float),
        ],
    ),
    cel.FunctionDecl("ready", [_overload("ready", "object", _TYPE.Map(_TYPE.STRING, _TYPE.DYN), _TYPE.BOOL, ready)]),
]
"""The declarations for CEL: one overload for each type, since `dyn` as a parameter matches nothing at run time."""
