"""A live pod as facts: why it does not run well, in the words that `kubectl get pods` shows."""

from __future__ import annotations

from datetime import datetime

from remediator.core.model import Json
from remediator.core.snapshot import PodFacts
from remediator.core.workload import condition


def pod_facts(pod: Json) -> PodFacts:
    """The facts of one pod. `reason` is the first container's waiting or terminated reason, else the pod's own."""
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or ()
    return PodFacts(
        name=pod["metadata"]["name"],
        phase=status.get("phase", ""),
        ready=condition(pod, "Ready").get("status") == "True",
        restarts=sum(each.get("restartCount", 0) for each in containers),
        reason=_reason(status),
        exit_code=_exit_code(status),
        node=pod.get("spec", {}).get("nodeName", ""),
        created_at=_instant(pod["metadata"].get("creationTimestamp")),
        images=tuple(each.get("image", "") for each in pod.get("spec", {}).get("containers") or ()),
    )


def _reason(status: Json) -> str:
    for each in status.get("containerStatuses") or ():
        state = each.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        if waiting.get("reason") or ended.get("reason"):
            return waiting.get("reason") or ended["reason"]
    return status.get("reason", "")


def _exit_code(status: Json) -> int | None:
    for each in status.get("containerStatuses") or ():
        for state in (each.get("state") or {}, each.get("lastState") or {}):
            if "terminated" in state:
                return state["terminated"].get("exitCode")
    return None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
