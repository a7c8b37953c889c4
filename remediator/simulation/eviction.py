"""The eviction subresource: a deletion that asks the pod's disruption budget first (registry/core/pod/storage)."""

from __future__ import annotations

from remediator.core.model import Json, Precondition, Ref
from remediator.ports import Invalid, Throttled
from remediator.simulation import selectors
from remediator.simulation.controllers.conditions import with_condition
from remediator.simulation.identity_checks import ANY, check_precondition
from remediator.simulation.server import Server
from remediator.simulation.values import is_ready, labels_of

SUCCESS: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def evict(
    server: Server,
    ref: Ref,
    precondition: Precondition = ANY,
    *,
    grace: int | None = None,
    dry_run: bool = False,
) -> Json:
    """Evict a pod. Raises `Throttled` where its budget allows no disruption, `Invalid` (500) under two budgets.

    Out of a namespace that is being deleted nothing is evicted; `clients.answer` makes that 403 `Throttled` too.

    The budget comes first: an eviction whose precondition fails afterwards has used one disruption up all the same,
    until the disruption controller has waited two minutes for the pod to go.
    """
    pod = server.get(ref)
    _ask_namespace(server, pod)
    if not _already_gone(pod):
        _ask_budget(server, pod, dry_run=dry_run)
    check_precondition(ref.resource, pod, precondition)
    if not dry_run:
        _note(server, pod)
    server.delete(ref, grace=grace, dry_run=dry_run)
    return SUCCESS


def _ask_namespace(server: Server, pod: Json) -> None:
    """An eviction is a creation, which no namespace on its way out takes (plugin/namespace/lifecycle)."""
    name = pod["metadata"]["namespace"]
    space = server.store.get("Namespace", "", name)
    if space is not None and space["metadata"].get("deletionTimestamp"):
        said = f"unable to create new content in namespace {name} because it is being terminated"
        raise Throttled(f'pods "{pod["metadata"]["name"]}" is forbidden: {said}', retry_after=5.0)


def _note(server: Server, pod: Json) -> None:
    """Say on the pod why it goes."""
    why = ("DisruptionTarget", "True", "EvictionByEvictionAPI", "Eviction API: evicting")
    server.update_status({**pod, "status": with_condition(pod["status"], *why, server.stamp)})


def _already_gone(pod: Json) -> bool:
    """Pods that no budget counts: ended, not yet running, or being deleted."""
    phase = pod["status"].get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or bool(pod["metadata"].get("deletionTimestamp"))


def _ask_budget(server: Server, pod: Json, *, dry_run: bool) -> None:
    namespace = pod["metadata"]["namespace"]
    budgets = [
        budget
        for budget in server.store.each("PodDisruptionBudget", namespace)
        if selectors.of_spec(budget["spec"].get("selector"))(labels_of(pod))
    ]
    if len(budgets) > 1:
        message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise Invalid(message, status=500)
    if budgets and not _harmless(budgets[0], pod):
        _take_one(server, budgets[0], pod, dry_run=dry_run)


def _harmless(budget: Json, pod: Json) -> bool:
    """An unready pod may go where the policy always allows it, or where enough others are healthy."""
    if is_ready(pod):
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    return status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0) > 0


def _take_one(server: Server, budget: Json, pod: Json, *, dry_run: bool) -> None:
    status = budget.get("status") or {}
    refused = "Cannot evict pod as it would violate the pod's disruption budget."
    if status.get("observedGeneration", 0) < budget["metadata"]["generation"]:
        raise Throttled(refused, retry_after=10.0)
    if status.get("disruptionsAllowed", 0) <= 0:
        raise Throttled(refused, retry_after=1.0)
    if not dry_run:
        disrupted = {**status.get("disruptedPods", {}), pod["metadata"]["name"]: server.stamp}
        allowed = status["disruptionsAllowed"] - 1
        status = {**status, "disruptionsAllowed": allowed, "disruptedPods": disrupted}
        server.update_status({**budget, "status": status})
