"""How many pods a rolling update may add and miss (pkg/controller/deployment/util ResolveFenceposts)."""

from __future__ import annotations

from remediator.core.model import Json


def scaled(value: int | str, total: int, *, round_up: bool) -> int:
    """A count, or a percentage of `total` rounded up or down."""
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        return int(value)
    share = int(value[:-1]) * total
    return -(-share // 100) if round_up else share // 100


def max_surge(deployment: Json) -> int:
    """Pods above `replicas`: percentages round up. 0 unless it is a rolling update."""
    return _fenceposts(deployment)[0]


def max_unavailable(deployment: Json) -> int:
    """Pods that may be missing, at most `replicas`: percentages round down, but if surge is 0 too, it is 1."""
    return min(_fenceposts(deployment)[1], deployment["spec"]["replicas"])


def is_rolling(deployment: Json) -> bool:
    """Whether the strategy is RollingUpdate."""
    return deployment["spec"]["strategy"]["type"] == "RollingUpdate"


def _fenceposts(deployment: Json) -> tuple[int, int]:
    if not is_rolling(deployment):
        return 0, 0
    rolling, replicas = deployment["spec"]["strategy"]["rollingUpdate"], deployment["spec"]["replicas"]
    surge = scaled(rolling["maxSurge"], replicas, round_up=True)
    unavailable = scaled(rolling["maxUnavailable"], replicas, round_up=False)
    return (0, 1) if surge == unavailable == 0 else (surge, unavailable)
