"""`restart`: a new roll-out of the same template, exactly what `kubectl rollout restart` does.

kubectl sets the annotation `kubectl.kubernetes.io/restartedAt` in the pod template and refuses paused Deployments.
The workload's own strategy then replaces the pods. There is nothing to undo.
"""

from __future__ import annotations

from remediator.actions.action import (
    Action,
    Disruption,
    Order,
    Planned,
    annotated,
    instant,
    no_arguments,
    precondition_of,
)
from remediator.core.events import Intent
from remediator.core.grants import PATCHES
from remediator.core.kinds import WORKLOADS, ref_of
from remediator.core.model import Change, Json, PatchType, Refusal, Verb

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


def plan(order: Order) -> Planned:
    """A patch of one template annotation; refused where the roll-out is paused, or would replace no pod by itself."""
    live = order.snapshot.live
    if why := _no_roll_out(live):
        return Refusal(
            f"{why}: a restart would replace no pod", "delete the pods in their turn, or change the strategy"
        )
    if live["spec"].get("paused"):
        return Refusal("the roll-out is paused, a restart would not start", "resume it: kubectl rollout resume")
    template = {"metadata": {"annotations": {RESTARTED_AT: instant(order.snapshot.facts.taken_at)}}}
    return Change(
        Verb.PATCH,
        ref_of(order.target),
        annotated({"spec": {"template": template}}, order.id),
        precondition_of(live),
        PatchType.STRATEGIC,
        prior={"restartedAt": _restarted_at(live)},
        summary=f"restart {order.target}",
    )


def _no_roll_out(live: Json) -> str:
    """Why the workload's own strategy replaces no pod when the template changes; empty where it does."""
    strategy = live["spec"].get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return "its update strategy is OnDelete"
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    replicas = live["spec"].get("replicas", 1)
    return f"its partition {partition} keeps all {replicas} pods" if partition and partition >= replicas else ""


def kept(intent: Intent, live: Json) -> bool:
    """Whether nobody has put back the annotation as it was before."""
    return _restarted_at(live) != intent.prior["restartedAt"]


def _restarted_at(live: Json) -> str | None:
    return (live["spec"]["template"]["metadata"].get("annotations") or {}).get(RESTARTED_AT)


ACTION = Action("restart", WORKLOADS, no_arguments, plan, kept=kept, disrupts=Disruption.ROLLING, grants=PATCHES)
