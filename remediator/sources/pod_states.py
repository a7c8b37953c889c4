"""A live pod as a diagnosis tells it: how it stands, how its last container ended, whose log says why."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from remediator.core.diagnosis import PodState
from remediator.core.model import Json
from remediator.core.workload import condition


def is_ready(pod: Json) -> bool:
    """Whether it takes part in its service."""
    return condition(pod, "Ready").get("status") == "True"


def worst_first(pods: Iterable[Json]) -> list[Json]:
    """Pods that do not run before those that do, those that restarted most first; else by name."""
    return sorted(pods, key=lambda pod: (is_ready(pod), -_restarts(pod), pod["metadata"]["name"]))


def pod_state(pod: Json, line: Callable[[str], str]) -> PodState:
    """How a pod stands; `line` makes text of the cluster fit to be shown."""
    status = pod.get("status") or {}
    worst = _worst(pod)
    waiting = (worst.get("state") or {}).get("waiting") or {}
    ended = (worst.get("state") or {}).get("terminated") or {}
    state = waiting.get("reason") or ended.get("reason") or status.get("reason") or _pending(pod) or status.get("phase")
    return PodState(
        pod["metadata"]["name"],
        is_ready(pod),
        line("" if is_ready(pod) else state or ""),
        _restarts(pod),
        line(_last_exit(worst)),
        (pod.get("spec") or {}).get("nodeName", ""),
        line(waiting.get("message") or ended.get("message") or status.get("message") or _unscheduled(pod)),
    )


def log_of(pod: Json) -> tuple[str, bool] | None:
    """The container whose log says most, and whether that is its previous instance's; None where none began."""
    worst = _worst(pod)
    if not worst:
        return None
    state = worst.get("state") or {}
    if state.get("terminated"):  # nothing has begun in its place yet: its log is the current one, the previous is older
        return worst["name"], False
    if (worst.get("lastState") or {}).get("terminated"):
        return worst["name"], True
    return (worst["name"], False) if "running" in state else None


def _statuses(pod: Json) -> list[Json]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _worst(pod: Json) -> Json:
    """The first container that is not ready or ended badly, the first one of all where none did; empty without any."""
    statuses = _statuses(pod)
    bad = [each for each in statuses if not each.get("ready") and not _is_done(each)]
    return next(iter(bad or statuses), {})


def _is_done(status: Json) -> bool:
    """An init container that did its work is not ready, and well."""
    return ((status.get("state") or {}).get("terminated") or {}).get("exitCode") == 0


def _restarts(pod: Json) -> int:
    return sum(each.get("restartCount", 0) for each in _statuses(pod))


def _last_exit(status: Json) -> str:
    for state in (status.get("state") or {}, status.get("lastState") or {}):
        ended = state.get("terminated")
        if ended:
            how = f"signal {ended['signal']}" if ended.get("signal") else f"exit {ended.get('exitCode', '?')}"
            return f"{how} ({ended['reason']})" if ended.get("reason") else how
    return ""


def _pending(pod: Json) -> str:
    scheduled = condition(pod, "PodScheduled")
    return scheduled.get("reason", "") if scheduled.get("status") == "False" else ""


def _unscheduled(pod: Json) -> str:
    scheduled = condition(pod, "PodScheduled")
    return scheduled.get("message", "") if scheduled.get("status") == "False" else ""
