"""The functions of conditions: Kubernetes quantities, and whether a live object is ready."""

from __future__ import annotations

import pytest

from remediator.conditions.functions import quantity, ready


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("1", 1),
        ("500m", 0.5),
        ("1.5Gi", 1.5 * 1024**3),
        ("1k", 1000),
        ("1Ki", 1024),
        ("2M", 2e6),
        ("1E", 1e18),
        ("1Ei", 1024.0**6),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1.e-2", 0.01),
        (".5", 0.5),
        ("-100n", -1e-7),
        ("+5u", 5e-6),
    ],
)
def test_quantities_are_those_of_kubernetes(text, number):
    assert quantity(text) == pytest.approx(number)


@pytest.mark.parametrize(
    "text", ["", "x", "1.5GB", "1 Gi", "1K", "1ki", "m", "1e", "1ee3", "--1", "0x1", "١", "1e9999"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="is not a quantity"):
        quantity(text)


def deployment(**status):
    counts = {"replicas": 2, "readyReplicas": 2, "availableReplicas": 2, "updatedReplicas": 2}
    live = {"kind": "Deployment", "metadata": {"generation": 4}, "spec": {"replicas": 2}}
    return {**live, "status": {"observedGeneration": 4, **counts, **status}}


def with_ready(kind, status):
    return {"kind": kind, "metadata": {"name": "a"}, "status": {"conditions": [{"type": "Ready", "status": status}]}}


@pytest.mark.parametrize(
    ("live", "is_ready"),
    [
        (deployment(), True),
        (deployment(readyReplicas=1), False),
        (deployment(updatedReplicas=1), False),
        (deployment(observedGeneration=3), False),
        (with_ready("Node", "True"), True),
        (with_ready("Node", "Unknown"), False),
        (with_ready("Pod", "True"), True),
        (with_ready("Pod", "False"), False),
    ],
)
def test_ready_is_what_kubectl_says(live, is_ready):
    assert ready(live) is is_ready


@pytest.mark.parametrize("live", [{}, {"kind": "ConfigMap"}, {"kind": "Pod", "status": {}}])
def test_what_does_not_say_whether_it_is_ready_is_neither(live):
    with pytest.raises(ValueError, match="does not say whether it is ready"):
        ready(live)
