"""``kube_horizontalpodautoscaler_*`` and ``kube_poddisruptionbudget_*``."""

from __future__ import annotations

from collections.abc import Iterator

from tests.lab.exposition import Sample
from tests.lab.series.parts import Object, condition, counts, identity, seconds


def series(autoscaler: Object) -> Iterator[Sample]:
    """All series of one HorizontalPodAutoscaler."""
    labels = identity(autoscaler, "horizontalpodautoscaler")
    spec, status = autoscaler["spec"], autoscaler.get("status", {})
    target = spec["scaleTargetRef"]
    own = {
        "scaletargetref_kind": target["kind"],
        "scaletargetref_name": target["name"],
        "scaletargetref_api_version": target.get("apiVersion", ""),
    }
    yield Sample("kube_horizontalpodautoscaler_info", labels | own, 1)
    values = {
        "spec_max_replicas": spec["maxReplicas"],
        "spec_min_replicas": spec.get("minReplicas", 1),
        "status_current_replicas": status.get("currentReplicas", 0),
        "status_desired_replicas": status.get("desiredReplicas", 0),
    }
    yield from counts("kube_horizontalpodautoscaler", labels, values)
    for row in status.get("conditions", []):
        yield from condition("kube_horizontalpodautoscaler_status_condition", labels, row["type"], row["status"])


def disruption_budget_series(budget: Object) -> Iterator[Sample]:
    """All series of one PodDisruptionBudget."""
    labels, status = identity(budget, "poddisruptionbudget"), budget.get("status", {})
    values = {
        "created": seconds(budget["metadata"]["creationTimestamp"]),
        "status_current_healthy": status.get("currentHealthy", 0),
        "status_desired_healthy": status.get("desiredHealthy", 0),
        "status_pod_disruptions_allowed": status.get("disruptionsAllowed", 0),
        "status_expected_pods": status.get("expectedPods", 0),
        "status_observed_generation": status.get("observedGeneration", 0),
    }
    yield from counts("kube_poddisruptionbudget", labels, values)
