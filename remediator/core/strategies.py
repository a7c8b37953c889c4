"""How many ready pods a roll-out of a workload takes away before their successors are ready, from its own strategy.

The controllers' rules: a Deployment's `maxUnavailable` rounds down, is at least 1 where it may not surge either, and
counts what is unavailable already; of a StatefulSet and a DaemonSet it rounds up.
"""

from __future__ import annotations

from collections.abc import Callable

from remediator.core.model import Json

ALL = 1 << 30
"""More pods than there can be."""


def takes_away(live: Json, desired: int, ready: int, available: int) -> int:
    """Ready pods that go before others have come, at most; 0 for kinds that do not roll out."""
    rule = _OF_KIND.get(live.get("kind", ""))
    return min(ready, rule(live.get("spec") or {}, desired, desired - available)) if rule else 0


def spare(live: Json) -> int:
    """Pods that a Deployment may lack and still has its minimum availability; 0 where every pod counts."""
    spec = live.get("spec") or {}
    strategy = spec.get("strategy") or {}
    if live.get("kind") != "Deployment" or strategy.get("type") == "Recreate":
        return 0
    rolling = strategy.get("rollingUpdate") or {}
    return _scaled(rolling.get("maxUnavailable", "25%"), spec.get("replicas", 1), round_up=False)


def _deployment(spec: Json, desired: int, unavailable: int) -> int:
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return ALL
    rolling = strategy.get("rollingUpdate") or {}
    surge = _scaled(rolling.get("maxSurge", "25%"), desired, round_up=True)
    most = _scaled(rolling.get("maxUnavailable", "25%"), desired, round_up=False)
    return max(min(most or (0 if surge else 1), desired) - max(unavailable, 0), 0)


def _stateful_set(spec: Json, desired: int, unavailable: int) -> int:
    """It goes on by ordinals: a ready pod may be next although others are not."""
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return 0
    rolling = strategy.get("rollingUpdate") or {}
    return max(_scaled(rolling.get("maxUnavailable") or 1, desired, round_up=True), 1)


def _daemon_set(spec: Json, desired: int, unavailable: int) -> int:
    strategy = spec.get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    if strategy.get("type") == "OnDelete" or _scaled(rolling.get("maxSurge") or 0, desired, round_up=True) > 0:
        return 0
    most = max(_scaled(rolling.get("maxUnavailable") or 1, desired, round_up=True), 1)
    return max(most - max(unavailable, 0), 0)


def _scaled(value: int | str, total: int, *, round_up: bool) -> int:
    """A number, or whole percent of `total`, rounded up or down."""
    if isinstance(value, int):
        return value
    share = int(value.rstrip("%")) * total
    return -(-share // 100) if round_up else share // 100


_OF_KIND: dict[str, Callable[[Json, int, int], int]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
}
