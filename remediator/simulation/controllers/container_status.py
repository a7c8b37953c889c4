"""A pod's status as a kubelet writes it: phase, conditions and container statuses. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from remediator.core.model import Json
from remediator.simulation.clock import stamp
from remediator.simulation.controllers.conditions import with_condition
from remediator.simulation.controllers.fates import Moment

if TYPE_CHECKING:
    from remediator.simulation.controllers.kubelet import Life


def pod_status(pod: Json, stages: list[tuple[Life, Moment]], now: datetime, *, node_ready: bool) -> Json:
    """The status of a pod whose containers stand so. Without stages (a silent kubelet) only readiness is lost."""
    status = dict(pod["status"])
    containers = [item["name"] for item in pod["spec"]["containers"]]
    if stages:
        status["containerStatuses"] = [
            _container(name, life, at) for name, (life, at) in zip(containers, stages, strict=True)
        ]
        status["phase"] = _phase(stages)
        status.setdefault("startTime", stamp(now))
    statuses = status.get("containerStatuses") or []
    unready = [item["name"] for item in statuses if not item["ready"]] if statuses else containers
    return _conditioned(status, unready, stamp(now), node_ready)


def _conditioned(status: Json, unready: list[str], at: str, node_ready: bool) -> Json:
    running = "False" if status.get("phase") == "Pending" and not status.get("containerStatuses") else "True"
    status = with_condition(status, "PodReadyToStartContainers", running, "", "", at)
    status = with_condition(status, "Initialized", "True", "", "", at)
    why = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(status.get("phase", ""), "ContainersNotReady")
    text = "" if why != "ContainersNotReady" else f"containers with unready status: [{' '.join(unready)}]"
    for kind in ("ContainersReady", "Ready"):
        if unready:
            status = with_condition(status, kind, "False", why, text, at)
        elif kind == "Ready" and not node_ready:
            status = with_condition(status, kind, "False", "NodeNotReady", "Node is not ready", at)
        else:
            status = with_condition(status, kind, "True", "", "", at)
    return status


def _phase(stages: list[tuple[Life, Moment]]) -> str:
    states = {at.state for _, at in stages}
    if states <= {"creating", "unpulled"}:
        return "Pending"
    if states == {"ended"}:
        return "Failed" if any(life.fate.exit_code for life, _ in stages) else "Succeeded"
    return "Running"


def _container(name: str, life: Life, at: Moment) -> Json:
    state = _state(life, at)
    status: Json = {
        "name": name,
        "image": life.image,
        "imageID": f"{life.image}@simulated" if at.state in ("running", "back_off", "ended") else "",
        "ready": at.state == "running" and life.fate.ready and at.restarts == 0,
        "started": at.state == "running",
        "restartCount": life.restarts + at.restarts,
        "state": state,
        "lastState": {},
    }
    if at.ended_at is not None and at.state != "ended":
        status["lastState"] = {"terminated": _terminated(life, at)}
    return status


def _state(life: Life, at: Moment) -> Json:
    if at.state == "creating":
        return {"waiting": {"reason": "ContainerCreating"}}
    if at.state == "unpulled":
        text = f'Back-off pulling image "{life.image}"'
        return {"waiting": {"reason": at.reason, "message": text}}
    if at.state == "running":
        return {"running": {"startedAt": _at(life, at.since)}}
    if at.state == "ended":
        return {"terminated": _terminated(life, at)}
    return {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}}


def _terminated(life: Life, at: Moment) -> Json:
    ended = at.ended_at or 0.0
    started = at.since if at.since <= ended else ended
    return {
        "exitCode": life.fate.exit_code,
        "reason": life.fate.reason,
        "startedAt": _at(life, started),
        "finishedAt": _at(life, ended),
    }


def _at(life: Life, age: float) -> str:
    return stamp(life.since + timedelta(seconds=age))
