"""Logs of simulated containers: what the world says that an image writes, where an instance of it ran.

The refusals are the kubelet's (pkg/kubelet/kubelet_pods.go, `validateContainerLogStatus`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from remediator.core.model import Json, Ref
from remediator.ports import Invalid

if TYPE_CHECKING:
    from remediator.simulation.world import World


def log_of(world: World, pod: Ref, container: str, previous: bool) -> str:
    """The whole log of a container, or of its instance that ended. Raises `Invalid` (400) where there is none."""
    live = world.server.get(pod)
    status = _status(live, container)
    if status is None:
        raise _refused(f"container {container} is not valid for pod {pod.name}")
    if previous and not (status.get("lastState") or {}).get("terminated"):
        raise _refused(f'previous terminated container "{container}" in pod "{pod.name}" not found')
    waiting = (status.get("state") or {}).get("waiting")
    if not previous and waiting and not (status.get("lastState") or {}).get("terminated"):
        raise _refused(f'container "{container}" in pod "{pod.name}" is waiting to start: {waiting.get("reason")}')
    return world.logs.get(status.get("image", ""), "")


def _status(pod: Json, container: str) -> Json | None:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((each for each in statuses if each.get("name") == container), None)


def _refused(message: str) -> Invalid:
    return Invalid(message, status=400, reason="BadRequest")
