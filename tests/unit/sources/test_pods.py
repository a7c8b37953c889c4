"""A live pod as facts: why it does not run well, in the words of `kubectl get pods`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from remediator.core.model import Json
from remediator.core.snapshot import PodFacts
from remediator.sources.pods import pod_facts

CONTAINERS = [{"name": "app", "image": "app:1"}, {"name": "side", "image": "log:2"}]


def pod(phase: str = "Running", *containers: Json, **status) -> Json:
    return {
        "metadata": {"name": "web-1", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "app", "image": "app:1"}, {"name": "side", "image": "log:2"}],
        },
        "status": {"phase": phase, "containerStatuses": list(containers)} | status,
    }


RUNS = {"restartCount": 0, "state": {"running": {}}}
CRASHES = {
    "restartCount": 4,
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
}
OOM = {"restartCount": 2, "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
PULLS = {"restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}
DONE = {"restartCount": 0, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}


@pytest.mark.parametrize(
    ("seen", "reason", "exit_code", "restarts"),
    [
        (pod("Running", RUNS), "", None, 0),
        (pod("Running", CRASHES), "CrashLoopBackOff", 1, 4),
        (pod("Running", RUNS, CRASHES), "CrashLoopBackOff", 1, 4),
        (pod("Running", OOM), "OOMKilled", 137, 2),
        (pod("Running", OOM, CRASHES), "OOMKilled", 137, 6),
        (pod("Pending", PULLS), "ImagePullBackOff", None, 0),
        (pod("Succeeded", DONE), "Completed", 0, 0),
        (pod("Failed", reason="Evicted"), "Evicted", None, 0),
        (pod("Pending"), "", None, 0),
    ],
)
def test_why_it_does_not_run(seen, reason, exit_code, restarts):
    facts = pod_facts(seen)
    assert (facts.reason, facts.exit_code, facts.restarts) == (reason, exit_code, restarts)


@pytest.mark.parametrize(("status", "ready"), [("True", True), ("False", False), ("Unknown", False), (None, False)])
def test_ready_is_the_condition_and_nothing_less(status, ready):
    conditions = [{"type": "Ready", "status": status}] if status else []
    assert pod_facts(pod("Running", RUNS, conditions=conditions)).ready is ready


def test_where_it_is_and_since_when():
    facts = pod_facts(pod())
    assert (facts.name, facts.phase, facts.node, facts.images) == ("web-1", "Running", "n1", ("app:1", "log:2"))
    assert facts.created_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_pod_that_says_nothing_yet():
    assert pod_facts({"metadata": {"name": "new"}}) == PodFacts("new")
