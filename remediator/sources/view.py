"""What a condition may speak of: the names of docs/rules.md with their live values. A missing value is left out."""

from __future__ import annotations

from datetime import datetime

from remediator.core.kinds import is_custom
from remediator.core.model import Json
from remediator.core.snapshot import Facts, PodFacts
from remediator.core.state import Incident
from remediator.core.workload import condition


def view_of(
    incident: Incident,
    live: Json,
    facts: Facts,
    pods: tuple[PodFacts, ...] | None,
    now: datetime,
    more: Json | None = None,
) -> Json:
    """The names `labels, annotations, object, now, pods, target` and their values at this look.

    There is no `pods` where they were not read: to ask for them is then unknown, not none. `more` are the fields of
    `target` that were read for it beside the object (`spoken.py`).
    """
    view: Json = {
        "labels": incident.labels,
        "annotations": incident.annotations,
        "object": live,
        "now": now,
        "target": _target(incident.target.kind, live, facts, now) | (more or {}),
    }
    if incident.value is not None:
        view["value"] = incident.value
    if pods is not None:
        view["pods"] = [pod_view(pod, now) for pod in pods]
    return view


def _target(kind: str, live: Json, facts: Facts, now: datetime) -> Json:
    if is_custom(kind):  # its fields may be called as a workload's, and be anything
        return _about(live, now)
    return (_node if kind == "Node" else _workload)(live, facts, now)


def _about(live: Json, now: datetime) -> Json:
    meta = live["metadata"]
    return {
        "kind": live.get("kind", ""),
        "namespace": meta.get("namespace", ""),
        "name": meta["name"],
        "uid": meta.get("uid", ""),
        "labels": meta.get("labels") or {},
        "annotations": meta.get("annotations") or {},
        "age": now - _instant(meta["creationTimestamp"]),
    }


def _workload(live: Json, facts: Facts, now: datetime) -> Json:
    view = _about(live, now) | {
        "replicas": facts.desired,
        "ready": facts.ready,
        "available": facts.available,
        "updated": facts.updated,
        "rolling_out": facts.rolling_out,
        "paused": facts.paused,
        "images": [each.get("image", "") for each in _containers(live)],
        "gitops": list(facts.reconcilers),
    }
    if facts.revision:
        view["revision"] = facts.revision
    started = _rollout_started(live)
    if started is not None:
        view["rollout_age"] = now - started
    return view


def _node(live: Json, facts: Facts, now: datetime) -> Json:
    conditions = (live.get("status") or {}).get("conditions") or ()
    return _about(live, now) | {
        "ready": facts.healthy,
        "unschedulable": bool(live.get("spec", {}).get("unschedulable")),
        "conditions": {each["type"]: each["status"] for each in conditions},
        "taints": [{"value": "", **each} for each in live.get("spec", {}).get("taints") or ()],
    }


def _containers(live: Json) -> list[Json]:
    return live.get("spec", {}).get("template", {}).get("spec", {}).get("containers") or []


def _rollout_started(live: Json) -> datetime | None:
    """When the present roll-out began: the Deployment controller keeps the instant in the Progressing condition.

    `lastTransitionTime` moves when the roll-out fails or ends; `lastUpdateTime` of a failed one is the better of the
    two only while it runs. Without the condition (StatefulSet, DaemonSet) it is not known.
    """
    progressing = condition(live, "Progressing")
    return _instant(progressing["lastUpdateTime"]) if progressing.get("lastUpdateTime") else None


def pod_view(pod: PodFacts, now: datetime) -> Json:
    """A pod as conditions see it."""
    view: Json = {
        "name": pod.name,
        "phase": pod.phase,
        "ready": pod.ready,
        "restarts": pod.restarts,
        "reason": pod.reason,
        "node": pod.node,
        "images": list(pod.images),
    }
    if pod.exit_code is not None:
        view["exit_code"] = pod.exit_code
    if pod.created_at is not None:
        view["age"] = now - pod.created_at
    return view


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
