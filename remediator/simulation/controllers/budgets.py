"""PodDisruptionBudgets: how many pods may be disrupted now (pkg/controller/disruption)."""

from __future__ import annotations

from collections.abc import Iterable

from remediator.core.kinds import KINDS
from remediator.core.model import Json
from remediator.simulation import selectors
from remediator.simulation.clock import instant_of
from remediator.simulation.controllers.conditions import with_condition
from remediator.simulation.controllers.fenceposts import scaled
from remediator.simulation.controllers.pod_facts import concerns_owner
from remediator.simulation.store import Commit, Key
from remediator.simulation.system import System
from remediator.simulation.validation import qualified
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
        """Count pods anew. A disruption that was granted counts until the pod is seen to go, two minutes at most."""
        budget = self._system.get("PodDisruptionBudget", *key)
        if budget is None:
            return
        matches = selectors.of_spec(budget["spec"].get("selector"))
        pods = [pod for pod in self._system.store.each("Pod", key[0]) if matches(labels_of(pod))]
        try:
            expected, desired = self._wanted(budget["spec"], pods)
        except LookupError as error:
            self._tell(budget, {"disruptionsAllowed": 0}, "SyncFailed", str(error))
            return
        disrupted = self._disrupted(budget, pods, key)
        healthy = sum(1 for pod in pods if _counts(pod) and pod["metadata"]["name"] not in disrupted)
        allowed = max(healthy - desired, 0) if expected > 0 else 0
        status = {
            "observedGeneration": budget["metadata"]["generation"],
            "expectedPods": expected,
            "desiredHealthy": desired,
            "currentHealthy": healthy,
            "disruptionsAllowed": allowed,
            "disruptedPods": disrupted,
        }
        self._tell(budget, status, "SufficientPods" if allowed else "InsufficientPods", "")

    def _tell(self, budget: Json, numbers: Json, reason: str, message: str) -> None:
        status = {**(budget.get("status") or {}), **numbers}
        if not status.get("disruptedPods"):
            status.pop("disruptedPods", None)
        value = "True" if reason == "SufficientPods" else "False"
        status = with_condition(status, "DisruptionAllowed", value, reason, message, self._system.stamp)
        seen = status.get("observedGeneration")
        told = {"message": message} | ({"observedGeneration": seen} if seen is not None else {})
        status["conditions"] = [condition | told for condition in status["conditions"]]
        self._system.update_status(budget, status)

    def _disrupted(self, budget: Json, pods: list[Json], key: Key) -> Json:
        """Disruptions granted lately to pods that do not go yet."""
        granted = (budget.get("status") or {}).get("disruptedPods") or {}
        staying = {pod["metadata"]["name"] for pod in pods if not pod["metadata"].get("deletionTimestamp")}
        left = {
            name: (instant_of(at) - self._system.now).total_seconds() + _PATIENCE
            for name, at in granted.items()
            if name in staying
        }
        waiting = [seconds for seconds in left.values() if seconds >= 0]
        if waiting:
            self._system.after(min(waiting) + 1.0, self, key)
        return {name: granted[name] for name, seconds in left.items() if seconds >= 0}

    def _wanted(self, spec: Json, pods: list[Json]) -> tuple[int, int]:
        """Pods expected, and how many of them have to be healthy; percentages round up. `LookupError` where a pod's
        owner does not say how many it wants.
        """
        if "maxUnavailable" in spec:
            expected = self._expected(pods)
            return expected, max(expected - scaled(spec["maxUnavailable"], expected, round_up=True), 0)
        least = spec.get("minAvailable")
        if isinstance(least, str):
            expected = self._expected(pods)
            return expected, scaled(least, expected, round_up=True)
        return (0, 0) if least is None else (len(pods), least)

    def _expected(self, pods: list[Json]) -> int:
        """What the pods' owners want in all, so that pods not yet there count as well. Pods without an owner do not."""
        wanted: dict[str, int] = {}
        for pod in pods:
            owner = controller_of(pod)
            if owner is None:
                continue
            if owner["kind"] not in _SCALED:
                plural = qualified(KINDS[owner["kind"]], plural=True)
                raise LookupError(f"{plural} does not implement the scale subresource")
            found = self._system.get(owner["kind"], pod["metadata"]["namespace"], owner["name"])
            if found is None:
                raise LookupError(f'found no controllers for pod "{pod["metadata"]["name"]}"')
            top = controller_of(found)
            if top:
                found = self._system.get(top["kind"], pod["metadata"]["namespace"], top["name"]) or found
            wanted[found["metadata"]["uid"]] = found["spec"]["replicas"]
        return sum(wanted.values())


_SCALED = frozenset({"ReplicaSet", "StatefulSet"})
"""Owners of pods that say how many they want."""

_PATIENCE = 120.0
"""Seconds within which a pod whose disruption was granted is expected to go."""


def _counts(pod: Json) -> bool:
    return is_ready(pod) and not pod["metadata"].get("deletionTimestamp")
