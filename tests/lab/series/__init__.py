"""kube-state-metrics' series from Kubernetes objects: pure functions, names and labels as the real one has them.

Only the series that alerts, rules and tests use. What the real one leaves out in a state is left out here too
(a waiting reason exists only while the container waits), because rules stumble over exactly that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.lab.exposition import Sample
from tests.lab.series import autoscaling, jobs, namespaces, nodes, pods, workloads

SERIES_OF: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Sample]]] = {
    "pods": pods.series,
    "deployments": workloads.deployment_series,
    "replicasets": workloads.replica_set_series,
    "statefulsets": workloads.stateful_set_series,
    "daemonsets": workloads.daemon_set_series,
    "jobs": jobs.series,
    "nodes": nodes.series,
    "namespaces": namespaces.series,
    "horizontalpodautoscalers": autoscaling.series,
    "poddisruptionbudgets": autoscaling.disruption_budget_series,
}
"""The series of one object, by the plural of its kind."""
