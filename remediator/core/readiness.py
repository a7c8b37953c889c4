"""Whether an object of a kind that rolls nothing out is ready: Jobs, autoscalers, claims, and any other by its status.

Where a kind has no rule of its own the general one of kstatus holds (sigs.k8s.io/cli-utils, pkg/kstatus): seen by its
controller, condition `Ready` not against it, neither reconciling nor stalled.
"""

from __future__ import annotations

from collections.abc import Callable

from remediator.core.model import Json

ROLL_OUT = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Node"})
"""Kinds whose readiness is counted in pods or asked of the node."""


def condition(obj: Json, kind: str) -> Json:
    """The named condition of an object's status; empty where it has none, or what goes by that name is none."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if isinstance(each, dict) and each.get("type") == kind), {})


def unready(live: Json) -> str:
    """Why an object that rolls nothing out is not ready; empty where it is."""
    return _OF_KIND.get(live.get("kind", ""), _other)(live)


def _job(live: Json) -> str:
    """Ready is complete: one that runs still may fail yet."""
    failed = condition(live, "Failed")
    if failed.get("status") == "True":
        return f"has failed: {failed.get('reason') or failed.get('message') or 'for no given reason'}"
    if condition(live, "Complete").get("status") == "True":
        return ""
    return "is suspended" if live["spec"].get("suspend") else "is not complete yet"


def _autoscaler(live: Json) -> str:
    """Ready is able to scale, with metrics to scale by, and not kept below what these ask for."""
    for kind in ("AbleToScale", "ScalingActive"):
        found = condition(live, kind)
        if found.get("status") == "False":
            return f"condition {kind} is False: {found.get('reason', '')}"
    limited = condition(live, "ScalingLimited")
    if limited.get("status") == "True" and limited.get("reason") == "TooManyReplicas":
        return "its metrics ask for more replicas than maxReplicas"
    return _other(live)


def _claim(live: Json) -> str:
    phase = (live.get("status") or {}).get("phase", "Pending")
    return "" if phase == "Bound" else f"is {phase}"


def _other(live: Json) -> str:
    status = live.get("status") or {}
    if status.get("observedGeneration", 1 << 62) < live["metadata"].get("generation", 0):
        return "its controller has not seen the last change yet"
    if condition(live, "Ready").get("status", "True") != "True":
        return f"condition Ready is {condition(live, 'Ready')['status']}"
    against = next((kind for kind in ("Reconciling", "Stalled") if condition(live, kind).get("status") == "True"), "")
    return f"condition {against} is True" if against else ""


_OF_KIND: dict[str, Callable[[Json], str]] = {
    "Job": _job,
    "HorizontalPodAutoscaler": _autoscaler,
    "PersistentVolumeClaim": _claim,
}
