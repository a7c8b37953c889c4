"""What an object says about itself, as guards see it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from remediator.core.workload import facts_of
from tests.unit.builders import START, deployment

ROLE = "node-role.kubernetes.io/"


def node(**labels: str) -> dict:
    return {"kind": "Node", "metadata": {"name": "n1", "labels": labels}, "status": {}}


@pytest.mark.parametrize(
    ("labels", "member"),
    [
        ({}, False),
        ({f"{ROLE}control-plane": ""}, True),
        ({f"{ROLE}master": ""}, True),
        ({f"{ROLE}etcd": "true"}, True),
        ({f"{ROLE}worker": ""}, False),
    ],
)
def test_a_node_of_the_control_plane_is_known_by_its_role(labels, member):
    assert facts_of(node(**labels), START).control_plane is member


def test_a_role_does_not_hide_behind_many_other_labels():
    labels = {f"a{each:03}": "" for each in range(60)} | {f"{ROLE}control-plane": ""}
    assert facts_of(node(**labels), START).control_plane


def test_a_deployment_that_carries_such_a_label_is_no_node():
    assert not facts_of(deployment(metadata={"labels": {f"{ROLE}master": ""}}), START).control_plane


@pytest.mark.parametrize(
    ("labels", "zone"),
    [
        ({}, ""),
        ({"topology.kubernetes.io/zone": "a"}, "a"),
        ({"failure-domain.beta.kubernetes.io/zone": "b"}, "b"),
        ({"topology.kubernetes.io/zone": "a", "failure-domain.beta.kubernetes.io/zone": "b"}, "a"),
    ],
)
def test_a_node_stands_in_a_zone(labels, zone):
    assert facts_of(node(**labels), START).zone == zone


@pytest.mark.parametrize(
    ("ready", "deleted", "health"),
    [
        ("True", None, "ready"),
        ("False", None, "0 of 1 replicas ready"),
        (None, None, "0 of 1 replicas ready"),
        ("True", "2026-01-01T12:00:00Z", "is being deleted"),
    ],
)
def test_a_pod_is_ready_by_its_condition_and_never_rolls_out(ready, deleted, health):
    meta = {"name": "web-1", "generation": 1, "deletionTimestamp": deleted}
    conditions = [{"type": "Ready", "status": ready}] if ready else []
    facts = facts_of({"kind": "Pod", "metadata": meta, "status": {"conditions": conditions}}, START)
    assert (facts.health, facts.ready, facts.rolling_out) == (health, int(ready == "True"), False)


def test_age_and_opting_out_are_read_as_they_stand():
    meta = {"creationTimestamp": "2026-01-01T11:59:00Z", "annotations": {"remediator.io/exclude": "yes"}}
    facts = facts_of(deployment(metadata=meta), START)
    assert facts.created_at == datetime(2026, 1, 1, 11, 59, tzinfo=UTC)
    assert facts.exclude == "yes"
