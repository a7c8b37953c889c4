"""Label selectors of workloads as the API takes them in a query."""

from __future__ import annotations

from remediator.core.model import Json


def selector_of(live: Json) -> str:
    """A workload's label selector; empty where it has none, which matches everything."""
    selector = live["spec"].get("selector") or {}
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for each in selector.get("matchExpressions") or ():
        parts.append(_expression(each["key"], each["operator"], each.get("values") or ()))
    return ",".join(parts)


def _expression(key: str, operator: str, values: tuple[str, ...] | list[str]) -> str:
    if operator == "Exists":
        return key
    if operator == "DoesNotExist":
        return f"!{key}"
    return f"{key} {operator.lower()} ({','.join(values)})"
