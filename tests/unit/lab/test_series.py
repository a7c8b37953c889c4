"""The stand-in's series, and whether the alerts can read them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab import series
from tests.lab.exposition import Sample, exposition
from tests.lab.series.parts import Object
from tests.lab.series.pods import parse_quantity

ALERTS = sorted((Path(series.__file__).parents[1] / "alerts").glob("*.yaml"))


def meta(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": "shop",
        "uid": "u1",
        "generation": 2,
        "creationTimestamp": "2026-11-23T12:00:00Z",
        **more,
    }


CRASHING_POD: Object = {
    "metadata": meta("web-1", ownerReferences=[{"kind": "ReplicaSet", "name": "web", "controller": True}]),
    "spec": {"nodeName": "node-a", "containers": [{"name": "app", "resources": {"limits": {"cpu": "250m"}}}]},
    "status": {
        "phase": "Running",
        "startTime": "2026-11-23T12:00:01Z",
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [
            {
                "name": "app",
                "image": "app:crash",
                "ready": False,
                "restartCount": 4,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
            }
        ],
    },
}
STUCK_DEPLOYMENT: Object = {
    "metadata": meta("web"),
    "spec": {"replicas": 3},
    "status": {
        "observedGeneration": 2,
        "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
    },
}
TAINTED_NODE: Object = {
    "metadata": meta("node-a", labels={"node-role.kubernetes.io/control-plane": ""}),
    "spec": {"unschedulable": True, "taints": [{"key": "a", "effect": "NoSchedule"}]},
    "status": {
        "conditions": [{"type": "Ready", "status": "Unknown"}],
        "allocatable": {"memory": "1Gi", "ephemeral-storage": "2Gi"},
    },
}
FAILED_JOB: Object = {
    "metadata": meta("nightly"),
    "spec": {"completions": 1},
    "status": {"startTime": "2026-11-23T12:00:00Z", "conditions": [{"type": "Failed", "status": "True"}]},
}
STATEFUL_SET: Object = {
    "metadata": meta("db"),
    "spec": {"replicas": 3},
    "status": {"currentRevision": "db-1", "updateRevision": "db-2"},
}
AUTOSCALER: Object = {
    "metadata": meta("web"),
    "spec": {"maxReplicas": 5, "scaleTargetRef": {"kind": "Deployment", "name": "web"}},
}
EXAMPLES: dict[str, Object] = {
    "pods": CRASHING_POD,
    "deployments": STUCK_DEPLOYMENT,
    "replicasets": {"metadata": meta("web"), "spec": {"replicas": 3}},
    "statefulsets": STATEFUL_SET,
    "daemonsets": {"metadata": meta("agent"), "spec": {}},
    "jobs": FAILED_JOB,
    "nodes": TAINTED_NODE,
    "namespaces": {"metadata": meta("shop"), "status": {"phase": "Active"}},
    "horizontalpodautoscalers": AUTOSCALER,
    "poddisruptionbudgets": {"metadata": meta("web"), "spec": {}},
}


def of(kind: str, name: str) -> list[Sample]:
    return [sample for sample in series.SERIES_OF[kind](EXAMPLES[kind]) if sample.name == name]


def test_there_is_an_example_of_every_kind() -> None:
    assert set(EXAMPLES) == set(series.SERIES_OF)


@pytest.mark.parametrize("path", ALERTS, ids=lambda path: path.stem)
def test_alerts_read_only_series_that_exist(path: Path) -> None:
    exported = {sample.name for kind in EXAMPLES for sample in series.SERIES_OF[kind](EXAMPLES[kind])}
    rules = [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]
    read = {name for rule in rules for name in re.findall(r"\bkube_\w+", rule["expr"])}
    assert read <= exported


@pytest.mark.parametrize("path", ALERTS, ids=lambda path: path.stem)
def test_alerts_have_what_the_mixin_gives_each(path: Path) -> None:
    for group in yaml.safe_load(path.read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in {"info", "warning", "critical"}
            assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}


def test_waiting_reason_exists_only_while_the_container_waits() -> None:
    (waiting,) = of("pods", "kube_pod_container_status_waiting_reason")
    assert waiting.labels == {
        "namespace": "shop",
        "pod": "web-1",
        "uid": "u1",
        "container": "app",
        "reason": "CrashLoopBackOff",
    }
    assert of("pods", "kube_pod_container_status_terminated_reason") == []


def test_restarts_and_the_last_end_are_told() -> None:
    assert of("pods", "kube_pod_container_status_restarts_total")[0].value == 4
    assert of("pods", "kube_pod_container_status_last_terminated_exitcode")[0].value == 137
    assert of("pods", "kube_pod_container_status_last_terminated_reason")[0].labels["reason"] == "OOMKilled"


def test_condition_of_a_deployment_is_a_state_set_with_its_reason() -> None:
    rows = of("deployments", "kube_deployment_status_condition")
    assert {row.labels["status"]: row.value for row in rows} == {"true": 0, "false": 1, "unknown": 0}
    assert {row.labels["reason"] for row in rows} == {"ProgressDeadlineExceeded"}


def test_node_has_no_namespace_of_its_own() -> None:
    assert all("namespace" not in sample.labels for sample in series.SERIES_OF["nodes"](TAINTED_NODE))
    assert of("nodes", "kube_node_spec_unschedulable")[0].value == 1
    ready = {row.labels["status"]: row.value for row in of("nodes", "kube_node_status_condition")}
    assert ready == {"true": 0, "false": 0, "unknown": 1}


@pytest.mark.parametrize(
    ("text", "number"), [("250m", 0.25), ("2", 2.0), ("1Gi", 2**30), ("1k", 1000.0), ("64Mi", 2**26)]
)
def test_quantities_are_numbers(text: str, number: float) -> None:
    assert parse_quantity(text) == number


def test_exposition_groups_families_and_escapes_values() -> None:
    text = exposition(
        [
            Sample("kube_b_total", {"reason": 'say "no"\\\n'}, 2),
            Sample("kube_a", {}, 0.5),
            Sample("kube_b_total", {"reason": "yes"}, 1e9),
        ]
    )
    assert text == (
        "# TYPE kube_a gauge\n"
        "kube_a{} 0.5\n"
        "# TYPE kube_b_total counter\n"
        'kube_b_total{reason="say \\"no\\"\\\\\\n"} 2\n'
        'kube_b_total{reason="yes"} 1000000000\n'
    )
