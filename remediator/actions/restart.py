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
from remediator.core.kinds import WORKLOADS, ref_of
from remediator.core.model import Change, Json, PatchType, Refusal, Verb

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


def plan(order: Order) -> Planned:
    """A patch of one template annotation; refused where the roll-out is paused."""
    live = order.snapshot.live
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


def kept(intent: Intent, live: Json) -> bool:
    """Whether nobody has put back the annotation as it was before."""
    return _restarted_at(live) != intent.prior["restartedAt"]


def _restarted_at(live: Json) -> str | None:
    return (live["spec"]["template"]["metadata"].get("annotations") or {}).get(RESTARTED_AT)


ACTION = Action("restart", WORKLOADS, no_arguments, plan, kept=kept, disrupts=Disruption.ROLLING)
