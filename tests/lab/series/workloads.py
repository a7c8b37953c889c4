"""``kube_deployment_*``, ``kube_replicaset_*``, ``kube_statefulset_*``, ``kube_daemonset_*``."""

from __future__ import annotations

from collections.abc import Iterator

from tests.lab.exposition import Sample
from tests.lab.series.parts import Object, condition, counts, identity, owners, seconds


def deployment_series(deployment: Object) -> Iterator[Sample]:
    """All series of one Deployment."""
    labels, spec, status = identity(deployment, "deployment"), deployment["spec"], deployment.get("status", {})
    yield from _generations("kube_deployment", labels, deployment)
    values = {
        "spec_replicas": spec.get("replicas", 1),
        "spec_paused": spec.get("paused", False),
        "status_replicas": status.get("replicas", 0),
        "status_replicas_ready": status.get("readyReplicas", 0),
        "status_replicas_available": status.get("availableReplicas", 0),
        "status_replicas_unavailable": status.get("unavailableReplicas", 0),
        "status_replicas_updated": status.get("updatedReplicas", 0),
    }
    yield from counts("kube_deployment", labels, values)
    for row in status.get("conditions", []):
        reason = row.get("reason", "")
        name = "kube_deployment_status_condition"
        yield from condition(name, labels, row["type"], row["status"], reason=reason)


def replica_set_series(replica_set: Object) -> Iterator[Sample]:
    """All series of one ReplicaSet."""
    labels, status = identity(replica_set, "replicaset"), replica_set.get("status", {})
    yield from _generations("kube_replicaset", labels, replica_set)
    yield from owners("kube_replicaset_owner", replica_set, labels)
    values = {
        "spec_replicas": replica_set["spec"].get("replicas", 1),
        "status_replicas": status.get("replicas", 0),
        "status_ready_replicas": status.get("readyReplicas", 0),
        "status_fully_labeled_replicas": status.get("fullyLabeledReplicas", 0),
    }
    yield from counts("kube_replicaset", labels, values)


def stateful_set_series(stateful_set: Object) -> Iterator[Sample]:
    """All series of one StatefulSet."""
    labels, status = identity(stateful_set, "statefulset"), stateful_set.get("status", {})
    yield from _generations("kube_statefulset", labels, stateful_set)
    values = {
        "replicas": stateful_set["spec"].get("replicas", 1),
        "status_replicas": status.get("replicas", 0),
        "status_replicas_ready": status.get("readyReplicas", 0),
        "status_replicas_available": status.get("availableReplicas", 0),
        "status_replicas_current": status.get("currentReplicas", 0),
        "status_replicas_updated": status.get("updatedReplicas", 0),
    }
    yield from counts("kube_statefulset", labels, values)
    for which in ("current", "update"):
        if revision := status.get(f"{which}Revision"):
            yield Sample(f"kube_statefulset_status_{which}_revision", labels | {"revision": revision}, 1)


def daemon_set_series(daemon_set: Object) -> Iterator[Sample]:
    """All series of one DaemonSet."""
    labels, status = identity(daemon_set, "daemonset"), daemon_set.get("status", {})
    yield from _generations("kube_daemonset", labels, daemon_set)
    values = {
        "current_number_scheduled": status.get("currentNumberScheduled", 0),
        "desired_number_scheduled": status.get("desiredNumberScheduled", 0),
        "number_available": status.get("numberAvailable", 0),
        "number_misscheduled": status.get("numberMisscheduled", 0),
        "number_ready": status.get("numberReady", 0),
        "number_unavailable": status.get("numberUnavailable", 0),
        "updated_number_scheduled": status.get("updatedNumberScheduled", 0),
    }
    yield from counts("kube_daemonset_status", labels, values)


def _generations(prefix: str, labels: dict[str, str], obj: Object) -> Iterator[Sample]:
    """When the object was made, its newest generation, and the one its controller has seen."""
    meta = obj["metadata"]
    values = {
        "created": seconds(meta["creationTimestamp"]),
        "metadata_generation": meta["generation"],
        "status_observed_generation": obj.get("status", {}).get("observedGeneration", 0),
    }
    yield from counts(prefix, labels, values)
