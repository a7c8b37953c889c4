"""PodDisruptionBudgets: how many pods may be disrupted now (pkg/controller/disruption)."""

from __future__ import annotations

from collections.abc import Iterable

from remediator.core.model import Json
from remediator.simulation import selectors
from remediator.simulation.controllers.conditions import with_condition
from remediator.simulation.controllers.fenceposts import scaled
from remediator.simulation.controllers.pod_facts import concerns_owner, is_active
from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System
from remediator.simulation.values import controller_of, is_ready, labels_of


class Budgets:
    """The disruption controller."""

    watches = ("PodDisruptionBudget", "Pod")

    def __init__(self, system: System) -> None:
        self._system = system

    def keys(self, commit: Commit) -> Iterable[Key]:
        """A budget itself, and those that select a pod."""
        if commit.kind == "PodDisruptionBudget":
            return [commit.key]
        if not concerns_owner(commit):
            return []
        return [
            (commit.key[0], budget["metadata"]["name"])
            for budget in self._system.store.each("PodDisruptionBudget", commit.key[0])
            if selectors.of_spec(budget["spec"].get("selector"))(labels_of(commit.obj))
        ]

    def reconcile(self, key: Key) -> None:
        """Count pods anew. A disruption that was granted counts until the pod is seen to go."""
        budget = self._system.get("PodDisruptionBudget", *key)
        if budget is None:
            return
        matches = selectors.of_spec(budget["spec"].get("selector"))
        pods = [pod for pod in self._system.store.each("Pod", key[0]) if matches(labels_of(pod))]
        active = [pod for pod in pods if is_active(pod)]
        disrupted = self._disrupted(budget, active)
        expected, desired = self._wanted(budget["spec"], active)
        healthy = sum(1 for pod in active if is_ready(pod) and pod["metadata"]["name"] not in disrupted)
        allowed = max(healthy - desired, 0) if expected > 0 else 0
        status = {
            "observedGeneration": budget["metadata"]["generation"],
            "expectedPods": expected,
            "desiredHealthy": desired,
            "currentHealthy": healthy,
            "disruptionsAllowed": allowed,
            "conditions": (budget.get("status") or {}).get("conditions") or [],
            **({"disruptedPods": disrupted} if disrupted else {}),
        }
        value, reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
        status = with_condition(status, "DisruptionAllowed", value, reason, "", self._system.stamp)
        for condition in status["conditions"]:
            condition.setdefault("observedGeneration", budget["metadata"]["generation"])
        self._system.update_status(budget, status)

    def _disrupted(self, budget: Json, active: list[Json]) -> Json:
        granted = (budget.get("status") or {}).get("disruptedPods") or {}
        names = {pod["metadata"]["name"] for pod in active}
        return {name: at for name, at in granted.items() if name in names}

    def _wanted(self, spec: Json, active: list[Json]) -> tuple[int, int]:
        """Pods expected, and how many of them have to be healthy; percentages round up."""
        expected = self._expected(active)
        if "maxUnavailable" in spec:
            return expected, max(expected - scaled(spec["maxUnavailable"], expected, round_up=True), 0)
        least = spec.get("minAvailable", 1)
        if isinstance(least, int):
            return len(active), least
        return expected, scaled(least, expected, round_up=True)

    def _expected(self, active: list[Json]) -> int:
        """What the pods' owners want in all, so that pods not yet there count as well."""
        wanted: dict[str, int] = {}
        for pod in active:
            owner = controller_of(pod)
            if owner is None:
                wanted[pod["metadata"]["uid"]] = 1
                continue
            found = self._system.get(owner["kind"], pod["metadata"]["namespace"], owner["name"])
            top = controller_of(found) if found else None
            if top and found:
                found = self._system.get(top["kind"], pod["metadata"]["namespace"], top["name"]) or found
            size = (found or {}).get("spec", {}).get("replicas")
            wanted[found["metadata"]["uid"] if found else owner["uid"]] = 1 if size is None else size
        return sum(wanted.values())
